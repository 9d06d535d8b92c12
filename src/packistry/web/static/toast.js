// A toast goes away by itself, unless somebody is reading it.
const SHOWN_MS = 8000;

export function toasts(root) {
  for (const toast of root.querySelectorAll("[data-toast]")) {
    let timer;
    const start = () => (timer = setTimeout(() => toast.remove(), SHOWN_MS));
    const stop = () => clearTimeout(timer);
    toast.addEventListener("mouseenter", stop);
    toast.addEventListener("mouseleave", start);
    toast.addEventListener("focusin", stop);
    toast.addEventListener("focusout", start);
    start();
  }
}
