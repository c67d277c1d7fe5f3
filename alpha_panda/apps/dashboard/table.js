// A table on Tabulator: rows are patched in place, cells are text, keys walk it.

const plain = cell => (typeof cell === "string" ? {text: cell} : cell || {text: ""})

function draw(cell) {
  const {text, tone, hint, act} = plain(cell.getValue())
  const shown = document.createElement(act ? "button" : "span")
  shown.textContent = text
  shown.className = tone || ""
  if (hint) shown.title = hint
  if (act) {
    shown.type = "button"
    shown.dataset.act = JSON.stringify(act)
    shown.className = `act ${act.grave ? "grave" : ""}`
  }
  return shown
}

function compare(one, other) {
  const [a, b] = [one, other].map(plain).map(each => each.sort ?? each.text)
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))
}

const words = row => Object.entries(row).filter(([field]) => field !== "key" && field !== "group")
  .map(([, cell]) => plain(cell).text).join(" ").toLowerCase()

const element = (name, className, text = "") =>
  Object.assign(document.createElement(name), {className, textContent: text})

// The bar above a table: tabs with how many rows each has, and the filter.
class Bar {
  constructor(model, changed) {
    this.root = element("div", "bar")
    this.group = model.groups.length ? model.groups[0][0] : ""
    this.tabs = new Map(model.groups.map(([group, title]) => {
      const tab = element("button", "tab", title)
      tab.type = "button"
      tab.append(element("span", "count"))
      tab.onclick = () => { this.group = group; this.mark(); changed() }
      this.root.append(tab)
      return [group, tab]
    }))
    this.count = element("span", "shown")
    this.filter = Object.assign(element("input", "filter"), {type: "search", placeholder: "Filter  /"})
    this.filter.setAttribute("aria-label", `Filter ${model.label}`)
    this.filter.oninput = changed
    this.filter.onkeydown = event => {
      if (event.key === "Escape") { this.filter.value = ""; changed() }
      if (event.key === "Escape" || event.key === "Enter") this.filter.blur()
    }
    this.root.append(this.count, this.filter)
    this.mark()
  }

  mark() {
    for (const [group, tab] of this.tabs) tab.setAttribute("aria-pressed", String(group === this.group))
  }

  admits(row) {
    const looked = this.filter.value.trim().toLowerCase()
    return (!this.group || this.group === "all" || (row.group || "").split(" ").includes(this.group))
      && (!looked || looked.split(/\s+/).every(word => words(row).includes(word)))
  }

  tell(rows, shown) {
    for (const [group, tab] of this.tabs) {
      const own = rows.filter(row => group === "all" || (row.group || "").split(" ").includes(group))
      tab.lastChild.textContent = own.length ? own.length.toLocaleString("en-IN") : ""
    }
    this.count.textContent = this.filter.value ? `${shown} of ${rows.length}` : ""
  }
}

export function render({model, el}) {
  const whole = element("div", "whole")
  const place = element("div", "place")
  const nothing = element("p", "nothing", model.empty)
  let table = null, picked = null
  const bar = new Bar(model, () => sift())
  whole.append(bar.root, place, nothing)
  whole.setAttribute("role", "region")
  whole.setAttribute("aria-label", model.label)

  const columns = model.columns.map(({field, title, width, number, grow}) => ({
    field, title, width: grow ? undefined : width, minWidth: grow ? width : 30, widthGrow: grow ? 1 : 0,
    formatter: draw, sorter: compare, hozAlign: number ? "right" : "left", headerHozAlign: number ? "right" : "left",
    headerTooltip: title, resizable: false, headerSortTristate: true,
  }))

  const sift = () => {
    if (!table) return
    table.setFilter(row => bar.admits(row))
    look()
  }
  const look = () => {
    const shown = table.getDataCount("active")
    bar.tell(table.getData(), shown)
    nothing.hidden = shown > 0
    nothing.textContent = table.getDataCount() ? "No row here matches." : model.empty
  }
  const pick = row => {
    picked?.getElement()?.classList.remove("picked")
    picked = row
    if (row) row.getElement().classList.add("picked")
  }
  const open = row => { pick(row); model.send_msg({open: row.getData().key}) }

  const take = async told => {
    if (told.all) {
      await table.replaceData(told.all)
    } else {
      if (told.gone.length) await table.deleteRow(told.gone.filter(key => table.getRow(key)))
      const known = told.put.filter(row => table.getRow(row.key))
      if (known.length) await table.updateData(known)
      await add(told.put.filter(row => !table.getRow(row.key)), told.order)
    }
    if (known_group(told)) sift()
    look()
  }
  // Only where a row came, or may have changed its tab, are the filters asked again.
  const known_group = told => bar.group && bar.group !== "all" || bar.filter.value ? true : false
  const add = async (rows, order) => {
    const at = new Map(order.map((key, index) => [key, index]))
    for (const row of rows.reverse()) {
      const after = order[at.get(row.key) + 1]
      const neighbour = after !== undefined && table.getRow(after)
      if (neighbour) await table.addRow(row, true, neighbour)
      else await table.addRow(row, false)
    }
  }

  const start = () => {
    if (table) return
    const made = new window.Tabulator(place, {
      columns, index: "key", layout: "fitColumns", height: "100%", rowHeight: 28, selectableRows: false,
      placeholder: "", columnHeaderSortMulti: false, headerSortElement: "<i></i>",
    })
    made.on("rowClick", (event, row) => { if (!event.composedPath().some(node => node.dataset?.act)) open(row) })
    made.on("renderComplete", () => picked?.getElement()?.classList.add("picked"))
    let queue = Promise.resolve()
    made.on("tableBuilt", () => {
      table = made
      model.on("msg:custom", event => { queue = queue.then(() => take(event.data)).catch(console.error) })
      model.send_msg("ready")
    })
  }

  const walk = event => {
    const into = event.composedPath()[0]
    if (!table || event.ctrlKey || event.metaKey || event.altKey || !whole.checkVisibility()) return
    if (into.matches?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return
    const rows = table.getRows("active")
    const at = picked ? rows.findIndex(row => row.getData().key === picked.getData().key) : -1
    if (event.key === "/") { event.preventDefault(); bar.filter.focus() }
    else if (event.key === "j" || event.key === "k") {
      const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))]
      if (next) table.scrollToRow(next, "nearest", false).finally(() => pick(next))
    } else if (event.key === "Enter" && at >= 0 && !into.matches?.("button, a")) open(rows[at])
  }
  document.addEventListener("keydown", walk)
  model.on("after_layout", start)
  model.on("remove", () => { document.removeEventListener("keydown", walk); table?.destroy() })
  requestAnimationFrame(() => setTimeout(start))
  return whole
}
