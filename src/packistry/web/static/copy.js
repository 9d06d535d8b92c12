// Buttons that copy what stands beside them. Shown only where the browser can.
const SHOWN_MS = 1600;

export function copying(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const words = button.querySelector("span");
  const before = words.dataset.before ?? words.textContent;
  words.dataset.before = before;
  try {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    words.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    words.textContent = "Selected";
  }
  setTimeout(() => (words.textContent = before), SHOWN_MS);
}
