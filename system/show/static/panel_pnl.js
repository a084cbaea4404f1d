// The P&L curve against entry prices. The zero line is the entry prices themselves; the
// dashed line is where the curve stood at the last close, so that its height above that
// line is the day's P&L.
import { compact, figure, node, roomOf, set, signClass, svg, ticks, titled, write } from "./draw.js";

const HEIGHT = 250;
const EDGE = { left: 56, right: 92, top: 12, bottom: 22 };
const RANGES = { day: "Day", week: "5 days", all: "All" };
const WEEK_DAYS = 5;
const BASELINE_SHARE = 4; // the zero line is drawn unless it would flatten the curve this many times

export default function pnl(root, feed) {
  const { heading, head } = titled(root, "P&L against entry prices");
  const choice = { range: "week" };
  const buttons = Object.entries(RANGES).map(([key, name]) => range(key, name, choice, () => draw(feed.state)));
  const group = node("span", { class: "ranges", role: "group", "aria-label": "Range" }, ...buttons);
  head.insertBefore(group, head.lastChild);
  const figures = ["Total", "Day", "Unrealised", "Realised", "NAV"].map((name) => figure(name));
  const chart = parts();
  const empty = node("p", { class: "empty" }, "No number yet.");
  root.append(node("dl", { class: "row" }, ...figures.map((item) => item.element)), chart.element, empty);
  hover(chart, feed);
  const draw = ({ view, curve }) => {
    empty.hidden = Boolean(view);
    if (!view) return;
    write(heading, `P&L against entry prices, ${view.currency}`);
    drawFigures(figures, view.pnl);
    buttons.forEach((button) => set(button, { "aria-pressed": button.dataset.range === choice.range }));
    drawChart(chart, cut(curve.points, choice.range), roomOf(root));
  };
  return draw;
}

function range(key, name, choice, redraw) {
  const button = node("button", { type: "button", class: "quiet", "data-range": key }, name);
  button.addEventListener("click", () => {
    choice.range = key;
    redraw();
  });
  return button;
}

function drawFigures(figures, now) {
  const texts = [now.total, now.day, now.unrealised, now.realised, now.nav];
  const signs = [now.total_sign, now.day_sign, 0, 0, 0];
  figures.forEach((item, index) => {
    set(write(item.value, texts[index]), { class: index < 2 ? signClass(signs[index]) : null });
  });
}

function parts() {
  const made = {
    axis: svg("g", { class: "axis" }),
    zero: svg("line", { class: "zero" }),
    close: svg("line", { class: "close" }),
    area: svg("path", { class: "area", fill: "url(#gain-or-loss)" }),
    curve: svg("path", { class: "curve" }),
    dot: svg("circle", { class: "dot", r: 3.5 }),
    labels: svg("g", { class: "labels" }),
    cross: svg("line", { class: "cross", visibility: "hidden" }),
    tip: svg("text", { class: "tip", visibility: "hidden" }),
  };
  const above = svg("stop", { class: "gain" });
  const below = svg("stop", { class: "loss" });
  made.turn = [above, below];
  made.tint = svg("linearGradient", { id: "gain-or-loss", gradientUnits: "userSpaceOnUse", x1: 0, x2: 0 }, above, below);
  const drawn = ["axis", "zero", "close", "area", "curve", "dot", "labels", "cross", "tip"].map((key) => made[key]);
  made.element = svg("svg", { class: "chart", height: HEIGHT, role: "img", "aria-label": "P&L curve" }, svg("defs", {}, made.tint), ...drawn);
  return made;
}

// A point is [x, time, total, day].
function cut(points, range) {
  if (range === "all" || !points.length) return points;
  const days = [...new Set(points.map(dayOf))];
  const first = days[Math.max(0, days.length - (range === "day" ? 1 : WEEK_DAYS))];
  return points.filter((point) => dayOf(point) >= first);
}

function dayOf(point) {
  return Math.floor(point[1] / 86400);
}

function drawChart(chart, points, width) {
  chart.shown = null;
  if (points.length < 2 || width < 100) return;
  set(chart.element, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
  const last = points.at(-1);
  const close = last[3] === null ? null : last[2] - last[3];
  const [low, high, zeroIn] = bounds(points, close);
  const [start, end] = [points[0][0], last[0]];
  const x = (at) => EDGE.left + ((at - start) / (end - start || 1)) * (width - EDGE.left - EDGE.right);
  const y = (amount) => EDGE.top + ((high - amount) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const path = points.map((point, index) => `${index ? "L" : "M"}${x(point[0]).toFixed(1)},${y(point[2]).toFixed(1)}`).join("");
  const base = y(0);
  set(chart.curve, { d: path });
  set(chart.area, { visibility: zeroIn ? "visible" : "hidden", d: `${path}L${x(end).toFixed(1)},${base}L${x(start).toFixed(1)},${base}Z` });
  tint(chart, y(0));
  set(chart.dot, { cx: x(end), cy: y(last[2]) });
  level(chart.zero, zeroIn ? y(0) : null, width);
  level(chart.close, close === null ? null : y(close), width);
  drawAxis(chart.axis, ticks(low, high, 5), y, width);
  drawLabels(chart.labels, { x, y, points, close, last, zeroIn, width, above: low > 0 });
  chart.shown = { points, x, y };
}

function bounds(points, close) {
  const totals = points.map((point) => point[2]);
  if (close !== null) totals.push(close);
  let [low, high] = [Math.min(...totals), Math.max(...totals)];
  const span = high - low || Math.abs(high) || 1;
  const withZero = [Math.min(low, 0), Math.max(high, 0)];
  const zeroIn = withZero[1] - withZero[0] <= span * BASELINE_SHARE;
  if (zeroIn) [low, high] = withZero;
  const room = (high - low || 1) * 0.06;
  return [low - room, high + room, zeroIn];
}

// Green above the entry prices, red below: one gradient that turns at zero.
function tint({ tint: gradient, turn }, zero) {
  set(gradient, { y1: 0, y2: HEIGHT });
  const offset = Math.min(1, Math.max(0, zero / HEIGHT));
  turn.forEach((stop) => set(stop, { offset }));
}

function level(line, y, width) {
  set(line, { visibility: y === null ? "hidden" : "visible" });
  if (y !== null) set(line, { x1: EDGE.left, x2: width - EDGE.right + 6, y1: y, y2: y });
}

function drawAxis(group, values, y, width) {
  group.replaceChildren(
    ...values.flatMap((value) => [
      svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      svg("text", { x: EDGE.left - 6, y: y(value) + 3, "text-anchor": "end" }, compact(value)),
    ]),
  );
}

function drawLabels(group, { x, y, points, close, last, zeroIn, width, above }) {
  const right = width - EDGE.right + 8;
  const notes = [{ at: y(last[2]), text: compact(last[2]), kind: "now" }];
  if (zeroIn) notes.push({ at: y(0), text: "entry prices", kind: "entry" });
  else notes.push({ at: above ? HEIGHT - EDGE.bottom : EDGE.top, text: `entry ${above ? "↓" : "↑"} off scale`, kind: "entry" });
  if (close !== null) notes.push({ at: y(close), text: "last close", kind: "before" });
  spread(notes);
  const names = notes.map((note) => svg("text", { class: note.kind, x: right, y: note.at + 3 }, note.text));
  group.replaceChildren(...names, ...timeMarks(points, x, width));
}

// Pushes labels apart that would be written over each other.
function spread(notes) {
  notes.sort((a, b) => a.at - b.at);
  for (let index = 1; index < notes.length; index += 1) {
    notes[index].at = Math.max(notes[index].at, notes[index - 1].at + 12);
  }
}

function timeMarks(points, x, width) {
  const oneDay = dayOf(points[0]) === dayOf(points.at(-1));
  const label = (time) => new Date(time * 1000).toISOString().slice(...(oneDay ? [11, 16] : [5, 10]));
  const starts = points.filter((point, index) => oneDay || !index || dayOf(point) !== dayOf(points[index - 1]));
  let free = EDGE.left;
  return starts.flatMap(([at, time]) => {
    if (x(at) < free || x(at) > width - EDGE.right - 20) return [];
    free = x(at) + 52;
    const line = oneDay ? [] : [svg("line", { class: "night", x1: x(at), x2: x(at), y1: EDGE.top, y2: HEIGHT - EDGE.bottom })];
    return [...line, svg("text", { x: x(at) + 3, y: HEIGHT - 6 }, label(time))];
  });
}

function hover(chart, feed) {
  const hide = () => [chart.cross, chart.tip].forEach((part) => set(part, { visibility: "hidden" }));
  chart.element.addEventListener("pointerleave", hide);
  chart.element.addEventListener("pointermove", (event) => {
    if (!chart.shown) return;
    const { points, x, y } = chart.shown;
    const near = points.reduce((best, point) => (Math.abs(x(point[0]) - event.offsetX) < Math.abs(x(best[0]) - event.offsetX) ? point : best));
    const at = x(near[0]);
    const side = at > chart.element.clientWidth / 2 ? "end" : "start";
    set(chart.cross, { visibility: "visible", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
    set(chart.tip, { visibility: "visible", x: at + (side === "end" ? -8 : 8), y: Math.max(24, y(near[2]) - 10), "text-anchor": side });
    write(chart.tip, tipWords(near, feed.state.view.currency));
  });
}

function tipWords([, time, total, day], currency) {
  const moment = new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ");
  const rounded = (amount) => Math.round(amount).toLocaleString("en-US").replace("-", "−");
  return `${moment}  total ${rounded(total)} ${currency}${day === null ? "" : `, day ${rounded(day)}`}`;
}
