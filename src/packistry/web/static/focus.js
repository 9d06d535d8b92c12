// "/" goes to the search, and a form that was refused to what is wrong with it.
const TYPING = "input, textarea, select, [contenteditable]";

export function focusing(root) {
  root.querySelector("[data-focus]")?.focus();
  root.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(TYPING)) return;
    const search = root.querySelector("[aria-keyshortcuts='/']");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}
