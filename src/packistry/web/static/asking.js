// A link to a page that asks before something is lost (a.grave) has it ask in a dialog, where one is.
// It leads there where the answer is another page, such as one that asks who this is.
export function asking(root) {
  for (const link of root.querySelectorAll("a.grave")) {
    link.addEventListener("click", (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      ask(link.href).catch(() => location.assign(link.href));
    });
  }
}

async function ask(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const form = page.querySelector("form.confirm");
  if (!answer.ok || answer.redirected || !form) return location.assign(address);
  const dialog = document.createElement("dialog");
  const heading = document.createElement("h2");
  heading.id = "asked";
  heading.textContent = page.querySelector("h1").textContent;
  dialog.setAttribute("aria-labelledby", heading.id);
  form.action = address;
  dialog.append(heading, form);
  document.querySelector("main").append(dialog);
  const keep = form.querySelector(".actions a");
  keep.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  // The key Enter must not lose what nobody has named.
  (form.querySelector(".field input") ?? keep).autofocus = true;
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}
