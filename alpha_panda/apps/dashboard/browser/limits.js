// The limits of the account: how much of each is used, what is allowed, and what happens there.

export function render({ model, el }) {
  const rows = new Map();
  const list = node("div", { class: "bars" }), empty = node("p", { class: "empty" });
  el.append(list, empty);
  const draw = () => {
    const { limits, empty: sentence } = shownOf(model);
    put(empty, sentence);
    [list.hidden, empty.hidden] = [!limits.length, limits.length > 0];
    for (const [name, row] of rows) if (!limits.some((each) => each.name === name)) { row.made.remove(); rows.delete(name); }
    for (const limit of limits) {
      if (!rows.has(limit.name)) {
        const fill = node("i"), words = node("b"), meter = node("div", { class: "meter", role: "meter", "aria-label": limit.name, "aria-valuemin": 0 }, fill);
        const made = node("div", { class: "limit" }, node("span", {}, limit.name), words, meter);
        rows.set(limit.name, { made, fill, words, meter });
        list.append(made);
      }
      const { made, fill, words, meter } = rows.get(limit.name);
      put(words, limit.text);
      made.title = limit.action;
      paint(made, `limit ${limit.tone}`);
      meter.setAttribute("aria-valuenow", limit.used);
      meter.setAttribute("aria-valuemax", limit.allowed);
      meter.setAttribute("aria-valuetext", limit.text);
      const width = `${Math.min(limit.share * 100, 100)}%`;
      if (fill.style.width !== width) fill.style.width = width;
    }
  };
  drawn({ model, el }, "Risk limits", draw);
}
