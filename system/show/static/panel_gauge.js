// VaR in percent of NAV on a half circle, the limit as a red line across it.
import { figure, node, set, svg, titled, write } from "./draw.js";

const RADIUS = 100;
const BAND = 20;

export default function gauge(root) {
  const { heading, aside } = titled(root, "VaR, % of NAV");
  const track = svg("path", { class: "track", d: arc(0, 1) });
  const fill = svg("path", { class: "fill" });
  const excess = svg("path", { class: "excess" });
  const edge = svg("line", { class: "edge" });
  const limit = svg("line", { class: "limit" });
  const mark = svg("text", { class: "limit-text" });
  const value = svg("text", { class: "value", x: 0, y: -18, "text-anchor": "middle" });
  const low = svg("text", { class: "end", x: -RADIUS, y: 16, "text-anchor": "middle" }, "0");
  const high = svg("text", { class: "end", x: RADIUS, y: 16, "text-anchor": "middle" });
  const dial = svg("svg", { viewBox: "-172 -132 344 152", role: "img" }, track, fill, excess, edge, limit, mark, value, low, high);
  const words = node("p", { class: "words" });
  const [risk, tail, cap] = ["VaR", "Expected shortfall", "Limit"].map((name) => figure(name));
  root.append(dial, words, node("dl", { class: "row" }, risk.element, tail.element, cap.element));
  return ({ view }) => {
    if (!view) return;
    const shown = view.gauge;
    write(heading, `VaR ${shown.confidence}, 1 day, % of NAV`);
    write(aside, view.portfolio);
    const at = (percent) => Math.min(1, Math.max(0, percent / shown.scale));
    const [reached, allowed] = [at(shown.value ?? 0), at(shown.limit)];
    set(fill, { d: arc(0, Math.min(reached, allowed)), class: `fill ${shown.state}` });
    set(excess, { d: arc(allowed, reached), visibility: reached > allowed ? "visible" : "hidden" });
    place([edge, limit], mark, allowed, `limit ${shown.limit_text}`);
    write(value, shown.value_text);
    write(high, `${Number(shown.scale.toFixed(2))} %`);
    set(dial, { "aria-label": `VaR ${shown.value_text} of NAV. ${shown.state_text}` });
    write(words, shown.state_text);
    set(words, { class: `words ${shown.state}` });
    write(risk.value, `${shown.var} ${view.currency}`);
    write(tail.value, `${shown.expected_shortfall} ${view.currency}`);
    write(cap.value, `${shown.limit_amount} ${view.currency}`);
  };
}

function place(lines, label, part, words) {
  const [inner, outer, text] = [RADIUS - BAND / 2 - 6, RADIUS + BAND / 2 + 8, RADIUS + BAND / 2 + 12];
  const [x1, y1] = point(part, inner);
  const [x2, y2] = point(part, outer);
  lines.forEach((line) => set(line, { x1, y1, x2, y2 }));
  const [x, y] = point(part, text);
  set(label, { x, y: y - 2, "text-anchor": part < 0.35 ? "end" : part > 0.65 ? "start" : "middle" });
  write(label, words);
}

function point(part, radius) {
  const angle = Math.PI * (1 - part);
  return [Math.cos(angle) * radius, -Math.sin(angle) * radius];
}

function arc(from, to) {
  const [x1, y1] = point(from, RADIUS);
  const [x2, y2] = point(Math.max(to, from + 1e-6), RADIUS);
  return `M${x1},${y1} A${RADIUS},${RADIUS} 0 0 1 ${x2},${y2}`;
}
