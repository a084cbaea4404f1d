// Mounts panels. Streamlit calls `mount` again at every rerun: the panel stays, its data is
// taken over. A panel is { build(root, feed, options) -> draw(state) }.
import { sharedFeed } from "./feed.js";
import { node, roomOf } from "./draw.js";
import bar from "./panel_bar.js";
import cards from "./panel_cards.js";
import pnl from "./panel_pnl.js";
import gauge from "./panel_gauge.js";
import made from "./panel_made.js";
import exposure from "./panel_exposure.js";
import stressed from "./panel_stressed.js";
import contributors from "./panel_contributors.js";
import days from "./panel_days.js";
import heat from "./panel_heat.js";
import trades from "./panel_trades.js";
import limits from "./panel_limits.js";
import desk from "./panel_desk.js";
import sheet from "./panel_sheet.js";
import waterfall from "./panel_waterfall.js";
import map from "./panel_map.js";
import lines from "./panel_lines.js";

const PANELS = {
  bar, cards, pnl, gauge, made, exposure, stressed, contributors, days, heat, trades, limits, desk,
  sheet, waterfall, map, lines,
};
const AGES = new Set(["bar", "trades"]); // these show ages, which change without news
const mounted = new WeakMap();

export function mount(place, data, tell) {
  if (!mounted.has(place)) mounted.set(place, start(place, data, tell));
  const panel = mounted.get(place);
  Object.assign(panel.options, data, tell);
  panel.root.style.colorScheme = isDark(place) ? "dark" : "light";
  panel.redraw();
  return () => {
    panel.stop();
    mounted.delete(place);
  };
}

function start(place, data, tell) {
  const feed = sharedFeed(data.stream);
  const root = node("section", { class: `panel ${data.panel}` });
  place.append(root);
  const options = { ...data, ...tell };
  const draw = PANELS[data.panel](root, feed, options);
  let drawn = [];
  const redraw = () => {
    if (!root.isConnected) return; // the page has changed, and takes this panel away
    const { state } = feed;
    const parts = [state.view, state.days, state.curve, state.cards, state.selected, state.live, options.content, roomOf(root)];
    if (!AGES.has(data.panel) && parts.every((part, index) => part === drawn[index])) return;
    drawn = parts;
    root.classList.toggle("stale", state.live === false);
    draw(state);
  };
  const release = feed.subscribe(redraw);
  const resize = new ResizeObserver(redraw);
  resize.observe(root);
  const stop = () => {
    resize.disconnect();
    release();
    root.remove();
  };
  return { root, options, redraw, stop };
}

function isDark(place) {
  const host = place.host ?? place;
  const probe = getComputedStyle(host).getPropertyValue("--st-background-color");
  const paint = document.createElement("canvas").getContext("2d");
  paint.fillStyle = probe.trim() || "#fff";
  const hex = paint.fillStyle;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return red * 0.299 + green * 0.587 + blue * 0.114 < 128;
}
