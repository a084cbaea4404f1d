// The portfolio selector: a radio group whose arrow keys move, or a list where there are many.
import { node, repeat, set, signClass, write } from "./draw.js";

const STATES = { within: "within limit", near: "near limit", over: "OVER LIMIT", unknown: "no VaR / NAV" };

const MANY = 8;

export default function cards(root, feed, options) {
  const group = node("div", { class: "group", role: "radiogroup", "aria-label": "Portfolio" });
  const empty = node("p", { class: "empty" }, "No portfolio has a risk number yet.");
  const list = node("select", { id: "book" });
  const shown = node("div", { class: "pick" }, node("label", { for: "book" }, "Portfolio"), list);
  root.append(group, shown, empty);
  feed.select(options.portfolio);
  const choose = (name) => {
    feed.select(name);
    options.setStateValue("portfolio", name);
  };
  group.addEventListener("keydown", (event) => walk(event, group));
  list.addEventListener("change", () => choose(list.value));
  return (state) => {
    empty.hidden = state.cards.length > 0;
    group.hidden = state.cards.length > MANY;
    shown.hidden = !group.hidden;
    if (group.hidden) return drawList(list, state);
    const buttons = repeat(group, state.cards.length, () => button(choose));
    buttons.forEach((element, index) => draw(element, state.cards[index], state));
  };
}

function drawList(list, { cards: all, selected }) {
  repeat(list, all.length, () => node("option")).forEach((element, index) => {
    const { portfolio, var_percent: risk, limit_state: limit } = all[index];
    set(write(element, `${portfolio} · VaR ${risk} · ${STATES[limit]}`), { value: portfolio });
  });
  if (selected && list.value !== selected) list.value = selected;
}

function button(choose) {
  const parts = ["name", "var", "state", "nav", "day", "meter"].map((kind) => node("span", { class: kind }));
  parts[5].append(node("i"));
  const element = node("button", { type: "button", role: "radio" }, ...parts);
  element.addEventListener("click", () => choose(element.dataset.portfolio));
  return element;
}

function draw(element, card, state) {
  const chosen = card.portfolio === (state.selected ?? "");
  element.dataset.portfolio = card.portfolio;
  set(element, { class: `card ${card.limit_state}`, "aria-checked": String(chosen), tabindex: chosen ? 0 : -1 });
  const [name, risk, limit, nav, day, meter] = element.children;
  write(name, card.portfolio);
  write(risk, card.var_percent);
  write(limit, STATES[card.limit_state] + (card.complete ? "" : " · incomplete"));
  write(nav, `NAV ${card.nav} ${card.currency}`);
  write(day, `Day ${card.day_pnl}`);
  set(day, { class: `day ${signClass(card.day_sign)}` });
  const used = Math.min(1, Math.max(0, card.limit_used ?? 0));
  set(meter.firstChild, { style: `width:${(used * 100).toFixed(1)}%` });
}

function walk(event, group) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...group.children];
  const at = buttons.findIndex((element) => element.getAttribute("aria-checked") === "true");
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next.focus();
  next.click();
}
