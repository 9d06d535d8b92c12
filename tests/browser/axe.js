// What axe finds on this page, a line a fault. Contrast is looked at once for all text that is
// coloured alike: it is what takes the longest, and what tables repeat.
async (tags) => {
  const chains = new WeakMap();
  const behind = (element) => {
    if (!element) return "";
    if (!chains.has(element)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
      const own = /, 0\)$/.test(backgroundColor) ? "" : backgroundColor;
      chains.set(element, `${behind(element.parentElement)}/${own}${backgroundImage}${opacity}`);
    }
    return chains.get(element);
  };
  const look = (element) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    // Axe asks no contrast of what is out of use, so that stands for nothing else.
    const off = Boolean((element.closest("label")?.control ?? element).closest(":disabled, [aria-disabled]"));
    return [color, fontSize, fontWeight, textShadow, off, behind(element)].join();
  };
  const spoken = (element) =>
    element.matches("input, select, textarea") ||
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  const seen = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    element.removeAttribute("data-sample");
    if (!spoken(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const key = look(element);
    if (!seen.has(key)) element.setAttribute("data-sample", "");
    seen.add(key);
  }
  axe.configure({ rules: [{ id: "color-contrast", selector: "[data-sample]" }] });
  const { violations } = await axe.run({ runOnly: tags, resultTypes: ["violations"] });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, html, any, all, none }) => {
      const why = [...any, ...all, ...none].map(({ message }) => message).join("; ");
      return `${id} (${help}) at ${target.join(" ")}: ${why}\n    ${html}`;
    }),
  );
}
