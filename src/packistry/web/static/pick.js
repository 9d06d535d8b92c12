// A box that picks all rows of its table: data-pick-all.
export function picking(root) {
  for (const all of root.querySelectorAll("input[data-pick-all]")) {
    const table = all.closest("table");
    const rows = () => [...table.querySelectorAll("input.pick:not(:disabled)")];
    all.hidden = false;
    all.addEventListener("change", () => rows().forEach((row) => (row.checked = all.checked)));
    table.addEventListener("change", () => {
      const picked = rows().filter((row) => row.checked).length;
      all.checked = picked > 0 && picked === rows().length;
      all.indeterminate = picked > 0 && !all.checked;
    });
  }
}
