// From one number to another in steps: totals from zero, steps from where the one before ended.
import { compact, node, repeat, roomOf, set, svg, ticks, titled, write } from "./draw.js";

const HEIGHT = 300;
const EDGE = { left: 56, right: 12, top: 24, bottom: 40 };

export default function waterfall(root, feed, options) {
  const { heading, aside } = titled(root, "");
  const axis = svg("g", { class: "axis" });
  const bars = svg("g", { class: "steps" });
  const chart = svg("svg", { class: "chart", height: HEIGHT, role: "img" }, axis, bars);
  const empty = node("p", { class: "empty" });
  root.append(chart, empty);
  return () => {
    const { title, note = "", words = "", steps = [], empty: none = "" } = options.content ?? {};
    write(heading, title ?? "");
    write(aside, note);
    empty.hidden = steps.length > 0;
    write(empty, none);
    set(chart, { "aria-label": words, display: steps.length ? null : "none" });
    if (steps.length) draw({ axis, bars, chart }, steps, roomOf(root));
  };
}

function draw({ axis, bars, chart }, steps, width) {
  set(chart, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
  const numbers = steps.flatMap((step) => (step.kind === "total" ? [step.end] : [step.start, step.end]));
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const room = (most - least || Math.abs(most) || 1) * 0.12;
  // Steps that are small beside the totals are drawn on an axis that does not begin at zero, and says so.
  const cut = least > 0 && most - least < 0.5 * least;
  const low = cut ? least - 2 * room : Math.min(0, least - (least < 0 ? room : 0));
  const high = Math.max(0, most + room);
  const y = (amount) => EDGE.top + ((high - amount) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const slot = (width - EDGE.left - EDGE.right) / steps.length;
  const lines = ticks(low, high, 5).flatMap((value) => [
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value), class: value === 0 ? "zero" : null }),
    svg("text", { x: EDGE.left - 6, y: y(value) + 3, "text-anchor": "end" }, cut ? whole(value) : compact(value)),
  ]);
  const said = cut ? [svg("text", { x: EDGE.left, y: 12 }, "axis does not begin at 0")] : [];
  axis.replaceChildren(...lines, ...said);
  repeat(bars, steps.length, mark).forEach((element, index) => {
    const step = steps[index];
    const [top, bottom] = [Math.max(step.start, step.end), Math.max(Math.min(step.start, step.end), low)];
    const [left, size] = [EDGE.left + index * slot + slot * 0.14, slot * 0.72];
    const [bar, join, name, amount] = element.children;
    set(element, { class: step.kind });
    set(bar, { x: left, width: size, y: y(top), height: Math.max(1.5, y(bottom) - y(top)) });
    const last = index === steps.length - 1;
    set(join, { x1: left + size, x2: last ? left + size : left + slot, y1: y(step.end), y2: y(step.end) });
    set(write(name, step.name), { x: left + size / 2, y: HEIGHT - 24, "text-anchor": "middle" });
    set(write(amount, step.text), { x: left + size / 2, y: Math.max(12, y(top) - 5), "text-anchor": "middle" });
  });
}

// Near values need all their digits to be told apart.
function whole(value) {
  return Math.round(value).toLocaleString("en-US").replace("-", "−");
}

function mark() {
  return svg("g", {}, svg("rect"), svg("line", { class: "join" }), svg("text"), svg("text", { class: "amount" }));
}
