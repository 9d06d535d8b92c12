// A button beside each password field that shows what was typed.
export function revealing(root) {
  for (const field of root.querySelectorAll("input[data-secret]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button bare compact reveal";
    const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    const name = label?.firstChild?.textContent.trim().toLowerCase() ?? "text";
    const set = (shown) => {
      field.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", `${button.textContent} ${name}`);
    };
    set(false);
    button.addEventListener("click", () => set(field.type === "password"));
    field.form?.addEventListener("submit", () => set(false));
    const pair = document.createElement("div");
    pair.className = "with-reveal";
    field.replaceWith(pair);
    pair.append(field, button);
  }
}
