// Each day's P&L as a bar against the VaR stated the close before; breaches are marked. The bar is the
// P&L on unchanged positions, which VaR is judged by; a dash beside it is the actual one, with the day's trades.
import { compact, node, repeat, roomOf, set, svg, ticks, titled, write } from "./draw.js";

const HEIGHT = 190;
const EDGE = { left: 52, right: 12, top: 10, bottom: 20 };

export default function days(root) {
  const { heading, aside } = titled(root, "Daily P&L against VaR");
  const axis = svg("g", { class: "axis" });
  const bars = svg("g", { class: "bars" });
  const actual = svg("path", { class: "actual" });
  const line = svg("path", { class: "var" });
  const marks = svg("g", { class: "marks" });
  const chart = svg("svg", { class: "chart", height: HEIGHT, role: "img" }, axis, bars, actual, line, marks);
  const empty = node("p", { class: "empty" }, "No end of day yet.");
  root.append(chart, empty);
  return ({ view, days: shown }) => {
    const rows = (shown?.days ?? []).filter((day) => day.pnl !== null);
    empty.hidden = rows.length > 0;
    set(chart, { visibility: rows.length ? "visible" : "hidden" });
    if (!rows.length || !view) return;
    write(heading, `Daily P&L against the VaR stated before, ${view.currency}`);
    write(aside, shown.sentence);
    set(aside, { title: shown.expectation });
    set(chart, { "aria-label": shown.sentence });
    draw({ axis, bars, actual, line, marks, chart }, rows, roomOf(root));
  };
}

function draw(parts, rows, width) {
  set(parts.chart, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
  const numbers = rows.flatMap((row) => [row.pnl, row.actual ?? 0, -(row.var ?? 0), 0]);
  const [low, high] = [Math.min(...numbers) * 1.08, Math.max(...numbers) * 1.08 || 1];
  const y = (amount) => EDGE.top + ((high - amount) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const slot = (width - EDGE.left - EDGE.right) / rows.length;
  const x = (index) => EDGE.left + index * slot;
  drawAxis(parts.axis, rows, { low, high, x, y, slot, width });
  repeat(parts.bars, rows.length, bar).forEach((element, index) => drawBar(element, rows[index], x(index), slot, y));
  const dashes = rows.map((row, index) => dash(row, x(index), slot, y));
  set(parts.actual, { d: dashes.join("") });
  const steps = rows.map((row, index) => step(row, x(index), slot, y, index > 0 && rows[index - 1].var !== null));
  set(parts.line, { d: steps.join("") });
  const breaches = rows.flatMap((row, index) => (row.breach ? [{ row, at: x(index) + slot / 2 }] : []));
  repeat(parts.marks, breaches.length, () => svg("path", { d: "M0,-5 5,0 0,5 -5,0Z" })).forEach((element, index) => {
    set(element, { transform: `translate(${breaches[index].at},${y(breaches[index].row.pnl)})` });
  });
}

function bar() {
  return svg("rect", {}, svg("title"));
}

function drawBar(element, row, left, slot, y) {
  const [top, bottom] = [Math.min(y(row.pnl), y(0)), Math.max(y(row.pnl), y(0))];
  const width = Math.max(1, slot * 0.72);
  const kind = row.breach ? "breach" : row.pnl < 0 ? "loss" : "gain";
  set(element, { x: left + (slot - width) / 2, y: top, width, height: Math.max(0.5, bottom - top), class: kind });
  write(element.firstChild, row.note);
}

function dash(row, left, slot, y) {
  if (row.actual === null || row.actual === row.pnl) return "";
  return `M${(left + slot * 0.1).toFixed(1)},${y(row.actual).toFixed(1)}h${(slot * 0.8).toFixed(1)}`;
}

function step(row, left, slot, y, joined) {
  if (row.var === null) return "";
  return `${joined ? "L" : "M"}${left.toFixed(1)},${y(-row.var).toFixed(1)}h${slot.toFixed(1)}`;
}

function drawAxis(group, rows, { low, high, x, y, slot, width }) {
  const lines = ticks(low, high, 4).flatMap((value) => [
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value), class: value === 0 ? "zero" : null }),
    svg("text", { x: EDGE.left - 6, y: y(value) + 3, "text-anchor": "end" }, compact(value)),
  ]);
  const every = Math.max(1, Math.ceil(64 / slot));
  const dates = rows.flatMap((row, index) =>
    index % every ? [] : [svg("text", { x: x(index), y: HEIGHT - 5 }, row.date.slice(5))],
  );
  group.replaceChildren(...lines, ...dates);
}
