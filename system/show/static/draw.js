// The few things that every panel draws with.

const SVG = "http://www.w3.org/2000/svg";

export function node(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  set(element, attributes);
  element.append(...children);
  return element;
}

// Touches the DOM only where something has changed.
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
  return element;
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

// The width inside a panel's padding, in pixels.
export function roomOf(root) {
  const style = getComputedStyle(root);
  return root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}

// Makes `parent` hold exactly `count` children, made by `make`; returns them.
export function repeat(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make());
  return [...parent.children];
}

export function titled(root, title, note = "") {
  const heading = node("h2", {}, title);
  const aside = node("span", { class: "note" }, note);
  const head = node("header", {}, heading, aside, node("span", { class: "tag" }, "STALE"));
  root.append(head);
  return { head, heading, aside };
}

// A named number: label above, value below.
export function figure(label, kind = "") {
  const value = node("dd", {}, "–");
  const name = node("dt", {}, label);
  return { element: node("div", { class: `figure ${kind}` }, name, value), name, value };
}

export function signClass(sign) {
  return sign > 0 ? "up" : sign < 0 ? "down" : "flat";
}

export function compact(number) {
  const size = Math.abs(number);
  const unit = size >= 1e9 ? ["bn", 1e9] : size >= 1e6 ? ["m", 1e6] : size >= 1e3 ? ["k", 1e3] : ["", 1];
  const scaled = size / unit[1];
  const digits = scaled >= 100 || scaled === Math.round(scaled) ? 0 : scaled >= 10 ? 1 : 2;
  return `${number < 0 ? "−" : ""}${Number(scaled.toFixed(digits))}${unit[0]}`;
}

// Round tick values inside [low, high].
export function ticks(low, high, wanted) {
  const span = high - low || 1;
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const values = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) values.push(at);
  return values;
}

export function ago(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function localClock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour12: false });
}
