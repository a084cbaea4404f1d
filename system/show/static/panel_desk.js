// All books: VaR against its limit, P&L, stale prices. Sorted by any column; a name opens its book.
import { node, set, signClass, titled, write } from "./draw.js";

const STATES = { within: "within", near: "near limit", over: "OVER LIMIT", unknown: "no VaR / NAV" };
const COLUMNS = [
  { name: "Book", key: (card) => card.portfolio },
  { name: "Desk", key: (card) => card.desk || null },
  { name: "Currency", key: (card) => card.currency },
  { name: "VaR", key: (card) => card.var_amount, hint: "base currency of the book" },
  { name: "VaR, % NAV", key: (card) => card.var_fraction },
  { name: "Limit used", key: (card) => card.limit_used, hint: "red line: the limit" },
  { name: "", key: null },
  { name: "ES", key: (card) => card.es_amount, hint: "expected shortfall, base currency of the book" },
  { name: "NAV", key: (card) => card.nav_amount },
  { name: "Day P&L", key: (card) => card.day_amount },
  { name: "State", key: (card) => card.limit_state },
  { name: "Stale", key: (card) => card.stale.length },
];
const TEXTS = new Set([0, 1, 2, 10]); // sorted upwards at first, written to the left
const FULL_SCALE = 1.25;

export default function desk(root, feed, options) {
  const { head, aside } = titled(root, "All books");
  const counts = node("span", { class: "counts" });
  const filter = node("input", { type: "search", placeholder: "Filter books", "aria-label": "Filter books" });
  head.insertBefore(counts, aside);
  head.insertBefore(filter, aside);
  const order = { column: 5, down: true };
  const titles = COLUMNS.map((column, index) => title(column, () => sortBy(order, index, redraw)));
  const body = node("tbody");
  const table = node("table", { class: "grid" }, node("thead", {}, node("tr", {}, ...titles)), body);
  const empty = node("p", { class: "empty" });
  root.append(node("div", { class: "scroll" }, table), empty);
  const rows = new Map();
  const redraw = () => draw(feed.state);
  filter.addEventListener("input", redraw);
  const draw = ({ cards }) => {
    const wanted = filter.value.trim().toLowerCase();
    const shown = sorted(cards.filter((card) => fits(card, wanted)), order);
    drawCounts(counts, cards);
    write(aside, shown.length === cards.length ? "" : `${shown.length} of ${cards.length} shown`);
    titles.forEach((cell, index) => mark(cell, index, order));
    empty.hidden = shown.length > 0;
    write(empty, cards.length ? "No book has such a name." : "No portfolio has a risk number yet.");
    place(body, shown.map((card) => drawn(rows, card, feed, options)));
  };
  return draw;
}

function title({ name, key, hint }, sort) {
  if (!key) return node("th", { scope: "col" }, node("span", { class: "hidden" }, "used, as a bar"));
  const button = node("button", { type: "button", title: hint }, name);
  button.addEventListener("click", sort);
  return node("th", { scope: "col" }, button);
}

function sortBy(order, column, redraw) {
  order.down = order.column === column ? !order.down : !TEXTS.has(column);
  order.column = column;
  redraw();
}

function mark(cell, index, order) {
  const now = index === order.column ? (order.down ? "descending" : "ascending") : "none";
  set(cell, { "aria-sort": COLUMNS[index].key ? now : null, class: TEXTS.has(index) ? "left" : null });
}

function fits(card, wanted) {
  return !wanted || `${card.portfolio}\n${card.desk}`.toLowerCase().includes(wanted);
}

// What does not exist comes last, whichever way is sorted; equal ones by name.
function sorted(cards, { column, down }) {
  const key = COLUMNS[column].key;
  return [...cards].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === right) return a.portfolio < b.portfolio ? -1 : 1;
    if (left === null || right === null) return left === null ? 1 : -1;
    return (left < right ? -1 : 1) * (down ? -1 : 1);
  });
}

function drawCounts(counts, cards) {
  const count = (test) => cards.filter(test).length;
  const parts = [
    ["", cards.length, cards.length === 1 ? "book" : "books"],
    ["over", count((card) => card.limit_state === "over"), "over limit"],
    ["near", count((card) => card.limit_state === "near"), "near"],
    ["near", count((card) => card.stale.length > 0), "with stale prices"],
  ];
  const words = parts.map(([, number, name]) => `${number} ${name}`).join();
  if (counts.dataset.words === words) return;
  counts.dataset.words = words;
  const marks = parts.map(([kind, number, name]) =>
    node("span", { class: number ? kind : "" }, node("b", {}, String(number)), ` ${name}`));
  counts.replaceChildren(...marks.flatMap((part, index) => (index ? [" · ", part] : [part])));
}

// Moves only the rows that are not where they belong.
function place(body, wanted) {
  wanted.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
  while (body.children.length > wanted.length) body.lastElementChild.remove();
}

function drawn(rows, card, feed, options) {
  if (!rows.has(card.portfolio)) rows.set(card.portfolio, { element: line(card.portfolio, feed, options), card: null });
  const row = rows.get(card.portfolio);
  if (row.card !== card) fill(row.element, card);
  row.card = card;
  return row.element;
}

function line(portfolio, feed, options) {
  const address = new URL(`${options.content.path}?portfolio=${encodeURIComponent(portfolio)}`, document.baseURI);
  const link = node("a", { href: address }, portfolio);
  const row = node("tr", {}, node("th", { scope: "row" }, link), ...COLUMNS.slice(1).map((column, index) =>
    node("td", { class: TEXTS.has(index + 1) ? null : "number" })));
  row.children[6].className = "use";
  row.children[6].append(node("i"), node("b"));
  row.children[10].className = "words";
  row.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    feed.openPage(options.content.page, portfolio);
  });
  return row;
}

function fill(row, card) {
  const [, team, currency, risk, percent, used, bar, tail, nav, day, words, stale] = row.children;
  set(row, { class: card.limit_state });
  write(team, card.desk || "–");
  write(currency, card.currency);
  set(write(risk, card.var), { title: card.not_available || null });
  write(percent, card.var_percent);
  write(used, card.used_text);
  const share = Math.min(Math.max(card.limit_used ?? 0, 0), FULL_SCALE) / FULL_SCALE;
  set(bar.firstChild, { style: `width:${(share * 100).toFixed(1)}%` });
  set(bar, { title: `limit ${card.limit_text} of NAV` });
  write(tail, card.expected_shortfall);
  write(nav, card.nav);
  set(write(day, card.day_pnl), { class: `number ${signClass(card.day_sign)}` });
  write(words, STATES[card.limit_state] + (card.complete ? "" : " · incomplete"));
  write(stale, String(card.stale.length));
  set(stale, { class: card.stale.length ? "number old" : "number", title: card.stale.join(", ") || null });
}
