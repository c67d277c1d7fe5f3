// A table on Tabulator: its cells are text, its rows are patched where they stand, and keys walk it.

const AGAIN_MS = 1000, REST_MS = 3000, SETTLE_MS = 500, LETTER_PX = 7.4, PADDING_PX = 18;

const whole = (cell) => (typeof cell === "string" ? { text: cell } : cell ?? { text: "" });

function draw(cell) {
  const { text, tone, hint, act } = whole(cell.getValue());
  if (!act) return node("span", { class: tone, title: hint || text }, text);
  const tones = `act ${act.grave ? "grave" : ""}`;
  return node("button", { class: tones, type: "button", title: hint, "data-act": JSON.stringify(act) }, act.label);
}

function compare(one, other) {
  const [first, second] = [one, other].map(whole).map((each) => each.sort ?? each.text);
  if (typeof first === "number" && typeof second === "number") return first - second;
  return String(first).localeCompare(String(second), "en", { numeric: true });
}

const words = (row) =>
  Object.entries(row)
    .filter(([field]) => field !== "key" && field !== "group")
    .map(([, cell]) => whole(cell).text)
    .join(" ")
    .toLowerCase();

const isUnder = (group, row) => !group || group === "all" || (row.group ?? "").split(" ").includes(group);

// What stands above a table: its tabs, with how many rows are under each, and the filter.
class Bar {
  constructor({ groups, label, filtered }, changed) {
    this.group = groups.length ? groups[0][0] : "";
    this.tabs = new Map(groups.map(([group, title]) => [group, this.tab(group, title, changed)]));
    this.found = node("span", { class: "found" });
    const terms = { class: "filter", type: "search", placeholder: "Filter  /", "aria-label": `Filter ${label}` };
    this.filter = node("input", { ...terms, oninput: changed, onkeydown: (event) => this.leave(event, changed) });
    this.root = node("div", { class: "bar", hidden: !filtered }, ...this.tabs.values(), this.found, this.filter);
    this.mark();
  }

  tab(group, title, changed) {
    const choose = () => {
      this.group = group;
      this.mark();
      changed();
    };
    return node("button", { class: "tab", type: "button", onclick: choose }, title, node("span", { class: "count" }));
  }

  leave(event, changed) {
    if (event.key === "Escape") {
      this.filter.value = "";
      changed();
    }
    if (event.key === "Escape" || event.key === "Enter") this.filter.blur();
  }

  mark() {
    for (const [group, tab] of this.tabs) tab.setAttribute("aria-pressed", String(group === this.group));
  }

  get looked() {
    return this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  admits(row) {
    return isUnder(this.group, row) && this.looked.every((word) => words(row).includes(word));
  }

  waits(count) {
    if (count) this.found.textContent = `${count} more when the pointer rests`;
  }

  tell(rows, active) {
    for (const [group, tab] of this.tabs) {
      const under = rows.filter((row) => isUnder(group, row)).length;
      tab.lastChild.textContent = under ? ` ${under.toLocaleString("en-IN")}` : "";
    }
    this.found.textContent = this.looked.length ? `${active} found` : "";
  }
}

function columnOf({ field, title, width, number, grows }) {
  const side = number ? "right" : "left";
  const size = grows ? { minWidth: width, widthGrow: 1 } : { width, minWidth: 24 };
  const looks = { formatter: draw, sorter: compare, hozAlign: side, headerHozAlign: side };
  return { field, title, ...size, ...looks, headerTooltip: title || false, resizable: false, headerSortTristate: true };
}

class Rows {
  constructor(model, place, nothing, note) {
    Object.assign(this, { model, nothing, note, picked: null, told: Promise.resolve(), keys: new Set(), pointed: -Infinity });
    this.waiting = { come: new Map(), gone: new Set(), order: [] };
    this.bar = new Bar(shownOf(model), () => (shownOf(model).sifts ? this.ask() : this.sift()));
    this.table = new window.Tabulator(place, {
      ...{ index: "key", columns: shownOf(model).columns.map(columnOf), layout: "fitColumns", height: "100%" },
      ...{ rowHeight: 28, selectableRows: false, headerSortElement: "<i></i>", placeholder: false },
      rowFormatter: (row) => row.getElement().classList.toggle("picked", row.getData().key === this.picked),
    });
    for (const name of ["pointermove", "pointerdown"]) place.addEventListener(name, () => (this.pointed = performance.now()));
    place.addEventListener("pointerleave", () => (this.pointed = -Infinity));
    this.table.on("rowClick", (event, row) => {
      if (!event.composedPath().some((each) => each.dataset?.act)) this.open(row);
    });
    this.table.on("tableBuilt", () => {
      model.on("msg:custom", (text) => this.work(() => this.take(JSON.parse(text))));
      this.settling = setInterval(() => this.work(() => this.settle()), SETTLE_MS);
      model.send_msg("ready");
    });
  }

  // One after the other. Where one fails, what stands here may be half of it, and all rows are asked for anew.
  work(task) {
    this.told = this.told.then(task).then(
      () => this.note(null),
      (error) => {
        this.note(error);
        setTimeout(() => this.model.send_msg("ready"), AGAIN_MS);
      },
    );
  }

  // Figures that lose their last digits are others: a column of figures is as wide as the longest that stood there.
  widen(rows) {
    for (const { field, number } of shownOf(this.model).columns) {
      if (!number) continue;
      const wanted = Math.max(0, ...rows.map((row) => whole(row[field]).text.length)) * LETTER_PX + PADDING_PX;
      const column = this.table.getColumn(field);
      if (wanted > column.getWidth()) column.setWidth(wanted);
    }
  }

  // Figures change at once; rows come, go and change places when the pointer rests, lest a click meets another row.
  async take({ all, put: rows = all, gone, order }) {
    const { come, gone: going } = this.waiting;
    this.widen(rows);
    for (const row of rows) if (!this.keys.has(row.key)) come.set(row.key, row);
    const known = rows.filter((row) => this.keys.has(row.key));
    const there = new Set(rows.map((row) => row.key));
    for (const key of gone ?? [...this.keys, ...come.keys()].filter((key) => !there.has(key))) {
      come.delete(key);
      going.add(key);
    }
    for (const key of there) going.delete(key);
    if (all || order.length) this.waiting.order = order ?? all.map((row) => row.key);
    this.changed = true;
    if (all && !this.isPointedAt) return this.replace(all);
    if (known.length) await this.table.updateData(known);
    return this.settle();
  }

  get isPointedAt() {
    return performance.now() - this.pointed < REST_MS;
  }

  async replace(all) {
    this.waiting = { come: new Map(), gone: new Set(), order: [] };
    this.keys = new Set(all.map((row) => row.key));
    await this.table.replaceData(all);
    this.arrange();
  }

  async settle() {
    const { come, gone, order } = this.waiting;
    if (this.changed && this.isPointedAt) this.bar.waits(come.size + gone.size);
    if (!this.changed || this.isPointedAt) return;
    this.waiting = { come: new Map(), gone: new Set(), order: [] };
    const leaving = [...gone].filter((key) => this.keys.delete(key));
    if (leaving.length) await this.table.deleteRow(leaving);
    await this.add(come, order);
    this.arrange();
  }

  // From the last to the first, each goes before the one that follows it.
  async add(come, order) {
    for (let place = order.length - 1; place >= 0 && come.size; place--) {
      const row = come.get(order[place]), following = order[place + 1], isThere = this.keys.has(following);
      if (!row) continue;
      await this.table.addRow(row, isThere, isThere ? following : undefined);
      this.keys.add(row.key);
      come.delete(row.key);
    }
  }

  arrange() {
    this.changed = false;
    this.sift();
    const sorted = this.table.getSorters().map(({ field, dir }) => ({ column: field, dir }));
    if (sorted.length) this.table.setSort(sorted);
  }

  // Where the rows come from a longer history, the page looks there, once the person has written it.
  ask() {
    clearTimeout(this.asking);
    const sift = { group: this.bar.group, text: this.bar.filter.value.trim() };
    this.asking = setTimeout(() => this.model.send_msg({ sift }), 250);
  }

  sift() {
    const isSifted = !shownOf(this.model).sifts && (this.bar.looked.length || (this.bar.group && this.bar.group !== "all"));
    if (isSifted) this.table.setFilter((row) => this.bar.admits(row));
    else if (this.table.getFilters().length) this.table.clearFilter();
    const active = this.table.getDataCount("active");
    if (!shownOf(this.model).sifts) this.bar.tell(this.table.getData(), active);
    this.nothing.hidden = active > 0;
    this.nothing.textContent = this.table.getDataCount() && isSifted ? "No row matches." : shownOf(this.model).empty;
  }

  pick(row) {
    const before = this.picked && this.table.getRow(this.picked);
    this.picked = row.getData().key;
    for (const each of [before, row]) if (each) each.getElement().classList.toggle("picked", each === row);
  }

  open(row) {
    if (!shownOf(this.model).opens) return;
    this.pick(row);
    this.model.send_msg({ open: this.picked });
  }

  async walk(event) {
    const rows = this.table.getRows("active");
    const place = rows.findIndex((row) => row.getData().key === this.picked);
    if (event.key === "/") {
      if (this.bar.root.hidden) return;
      event.preventDefault();
      this.bar.filter.focus();
    } else if (event.key === "j" || event.key === "k") {
      const next = rows[Math.min(Math.max(place + (event.key === "j" ? 1 : -1), 0), rows.length - 1)];
      if (!next) return;
      await this.table.scrollToRow(next, "nearest", false).catch(() => {});
      this.pick(next);
    } else if (event.key === "Enter" && place >= 0) this.open(rows[place]);
  }
}

export function render({ model, el }) {
  const place = node("div", { class: shownOf(model).ages ? "place ages" : "place" });
  const nothing = node("p", { class: "nothing" }, shownOf(model).empty);
  const root = node("section", { class: "table", "aria-label": shownOf(model).label }, place, nothing);
  el.append(root);
  listenForActs();
  let rows = null;
  const note = drawn({ model, el }, shownOf(model).label, () => rows?.sift());
  // Tabulator measures its place, which has none before the page is laid out.
  const start = () => {
    if (rows || !place.isConnected || !place.clientHeight) return;
    rows = new Rows(model, place, nothing, note);
    root.prepend(rows.bar.root);
  };
  const sight = new ResizeObserver(start);
  sight.observe(place);
  const walk = (event) => {
    const isHeld = event.ctrlKey || event.metaKey || event.altKey;
    if (rows && !isHeld && !isWriting() && root.checkVisibility()) rows.walk(event);
  };
  document.addEventListener("keydown", walk);
  model.on("remove", () => {
    sight.disconnect();
    document.removeEventListener("keydown", walk);
    clearInterval(rows?.settling);
    rows?.table.destroy();
  });
}
