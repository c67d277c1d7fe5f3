// The figures that a trader looks at first, in one part: label, value, and what belongs to it below.

export function render({ model, el }) {
  const cells = new Map();
  const list = node("dl", { class: "first" });
  el.append(list);
  const draw = () => {
    for (const { name, value, sense, below, title } of shownOf(model).figures) {
      if (!cells.has(name)) {
        const made = { value: node("dd"), below: node("dd", { class: "below" }) };
        cells.set(name, made);
        list.append(node("div", { title }, node("dt", {}, name), made.value, made.below));
      }
      const cell = cells.get(name);
      put(cell.value, value);
      cell.value.style.setProperty("--letters", value.length);
      paint(cell.value, sense);
      put(cell.below, below);
    }
  };
  drawn({ model, el }, "First figures", draw);
}
