// The positions behind VaR: five, or all; sorted by component VaR or by the size of delta.
import { node, repeat, set, signClass, titled, write } from "./draw.js";

const COLUMNS = [
  { key: null, name: "Position" },
  { key: null, name: "Class" },
  { key: null, name: "Quantity" },
  { key: null, name: "Price" },
  { key: null, name: "P&L" },
  { key: "delta", name: "Delta", hint: "what a move of the whole price would make, base currency" },
  { key: "component", name: "Component VaR", hint: "the position's loss in the VaR scenario" },
  { key: null, name: "of VaR", hint: "share of VaR (official)" },
  { key: null, name: "smoothed", hint: "share over neighbouring ranks: one scenario of 30 is noise" },
  { key: null, name: "of ES", hint: "share of expected shortfall" },
];
const ORDERS = {
  component: (a, b) => (b.component ?? -Infinity) - (a.component ?? -Infinity),
  delta: (a, b) => Math.abs(b.delta) - Math.abs(a.delta),
};

export default function contributors(root, feed) {
  const { heading, head, aside } = titled(root, "Top risk contributors");
  const choice = { order: "component", all: false };
  const more = node("button", { type: "button", class: "quiet" });
  head.insertBefore(more, head.lastChild);
  const titles = COLUMNS.map((column) => title(column, choice, () => redraw()));
  const body = node("tbody");
  root.append(node("div", { class: "scroll" }, node("table", { class: "grid" }, node("thead", {}, node("tr", {}, ...titles)), body)));
  more.addEventListener("click", () => {
    choice.all = !choice.all;
    redraw();
  });
  const redraw = () => draw(feed.state);
  const draw = ({ view }) => {
    if (!view) return;
    const { rows, top_count: count, top_share: share } = view.contributors;
    write(heading, `Top ${count} risk contributors, ${view.currency}`);
    write(aside, `the ${count} largest carry ${share} of VaR`);
    write(more, choice.all ? `show ${count}` : `show all ${rows.length}`);
    set(more, { "aria-pressed": choice.all });
    titles.forEach((cell, index) => mark(cell, COLUMNS[index].key, choice.order));
    const sorted = [...rows].sort(ORDERS[choice.order]);
    const shown = choice.all ? sorted : sorted.slice(0, count);
    const widest = Math.max(...shown.map((row) => Math.abs(row.component ?? 0)));
    repeat(body, shown.length, line).forEach((element, index) => drawLine(element, shown[index], widest));
  };
  return draw;
}

function title({ key, name, hint }, choice, redraw) {
  if (!key) return node("th", { scope: "col", title: hint }, name);
  const button = node("button", { type: "button", title: hint }, name);
  button.addEventListener("click", () => {
    choice.order = key;
    redraw();
  });
  return node("th", { scope: "col" }, button);
}

function mark(cell, key, order) {
  if (key) set(cell, { "aria-sort": key === order ? "descending" : "none" });
}

function line() {
  const cells = COLUMNS.slice(1).map(() => node("td", { class: "number" }));
  cells[0].className = "";
  cells[5].append(node("i"), node("span"));
  cells[5].className = "number part";
  return node("tr", {}, node("th", { scope: "row" }), ...cells);
}

function drawLine(element, row, widest) {
  const [name, kind, quantity, price, pnl, delta, part, share, smoothed, tail] = element.children;
  set(write(name, row.instrument), { title: row.stale ? `price stale since ${row.stale}` : null });
  set(name, { class: row.stale ? "old" : null });
  write(kind, row.asset_class);
  write(quantity, row.quantity);
  write(price, row.price);
  set(write(pnl, row.pnl), { class: `number ${signClass(row.pnl_sign)}` });
  set(write(delta, row.delta_text), { title: row.delta_note });
  write(part.lastChild, row.component_text);
  const width = widest ? (Math.abs(row.component ?? 0) / widest) * 55 : 0;
  set(part.firstChild, { style: `width:${width.toFixed(1)}%`, class: (row.component ?? 0) < 0 ? "hedge" : "adds" });
  write(share, row.share_text);
  write(smoothed, row.smoothed_text);
  write(tail, row.es_share_text);
}
