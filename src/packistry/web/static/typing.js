// A filter bar that shows its results while one types. data-typing is the id of the results, which
// are taken out of the very page that the form's button would lead to. What of the form itself has
// data-follows comes from there, too, but where the person is.
const PAUSE_MS = 200;

export function typing(root, enhance) {
  for (const form of root.querySelectorAll("form[data-typing]")) {
    let timer;
    let asked = 0;
    const results = () => document.getElementById(form.dataset.typing);

    const show = async () => {
      const address = new URL(form.getAttribute("action") || location.pathname, location.href);
      for (const [name, value] of new FormData(form)) {
        if (value) address.searchParams.append(name, value);
      }
      const number = ++asked;
      results()?.setAttribute("aria-busy", "true");
      const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
      if (number !== asked) return;
      if (!answer?.ok || answer.redirected) return form.submit();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(form.dataset.typing);
      if (number !== asked || !fresh) return;
      results().replaceWith(fresh);
      enhance(fresh);
      for (const part of form.querySelectorAll("[data-follows]")) {
        if (!part.contains(document.activeElement)) part.replaceWith(page.getElementById(part.id));
      }
      history.replaceState(null, "", address);
    };

    form.addEventListener("input", (event) => {
      clearTimeout(timer);
      timer = setTimeout(show, event.target.matches("select") ? 0 : PAUSE_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      show();
    });
  }
}
