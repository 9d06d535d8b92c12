// A part of a page that asks for its newest state: data-live is the address of that part alone.
// It asks again soon while something changes, later and later while nothing does, never in a tab
// that nobody looks at, and no more once the part that came back has no data-live.
const SOON_MS = 1000;
const LATE_MS = 15000;
const SLOWER = 1.5;

export function live(root) {
  const parts = [...root.querySelectorAll("[data-live]")];
  if (root.matches?.("[data-live]")) parts.push(root);
  for (const part of parts) follow(part);
}

function follow(part) {
  let wait = SOON_MS;
  let tag = "";

  async function look() {
    if (!part.isConnected) return;
    if (!document.hidden) {
      try {
        if (await ask()) return;
      } catch {
        wait = LATE_MS;
      }
    }
    setTimeout(look, wait);
  }

  async function ask() {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(part.dataset.live, { headers, credentials: "same-origin" });
    if (answer.status === 304) {
      wait = Math.min(LATE_MS, wait * SLOWER);
      return false;
    }
    if (!answer.ok || answer.redirected) return true;
    wait = SOON_MS;
    tag = answer.headers.get("ETag") ?? "";
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    const first = fresh.firstElementChild;
    if (!first) return true;
    const next = first.dataset.live;
    part.replaceChildren(...first.childNodes);
    if (!next) part.removeAttribute("data-live");
    return !next;
  }

  setTimeout(look, wait);
}
