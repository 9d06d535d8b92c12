// What is wrong with a page as it stands, whether or not anything of it has run.
() => {
  const LEADING = ["href", "src", "action", "formaction", "xlink:href", "data", "poster", "ping"];
  const HARMLESS = ["http:", "https:", "mailto:"];
  const NEVER =
    "iframe, object, embed, base, frame, applet, math, video, audio, marquee, style, meta[http-equiv]";
  const found = window.ran.map((what) => `something ran: ${what}`);
  const note = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 300)}`);

  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc" || name === "style") note(name, element);
      // An image runs nothing: that of a second factor's key is one.
      if (element.tagName === "IMG" && element.className === "qr") continue;
      if (!LEADING.includes(name) || !URL.canParse(value, document.baseURI)) continue;
      const url = new URL(value, document.baseURI);
      if (!HARMLESS.includes(url.protocol)) note("it leads to no page", element);
      if (url.hostname === "evil.example") note("it leads elsewhere", element);
    }
  }
  for (const element of document.querySelectorAll(NEVER)) note("it should not be here", element);
  for (const script of document.scripts) {
    if (script.text || !script.src.startsWith(`${location.origin}/`)) note("a script", script);
  }
  return found;
};
