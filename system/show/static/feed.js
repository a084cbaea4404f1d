// One EventSource per tab, shared by all panels. It folds the server's pushes into `state`
// and judges, by this browser's clock, whether the server still speaks.

const SILENCE_BOUND_MS = 2000; // without a push for this long nothing is shown as live
const JUDGE_EVERY_MS = 200; // how often ages on the screen are redrawn
const JITTER_MS = 400;
const RETRY_MS = 1000; // EventSource gives up on an HTTP error; we do not
const CLOSE_GRACE_MS = 1000; // panels come and go together when a page is redrawn

const EMPTY = {
  live: false, freshness: null, selected: null, cards: [], view: null, days: null,
  trades: [], latency: null, durable: null, oracle: null, replay: null, heardAt: null, aliveAt: null, changedAt: null,
  curve: { generation: -1, points: [] },
};

export function sharedFeed(url) {
  window.riskstreamFeed ??= new Feed(url);
  return window.riskstreamFeed;
}

class Feed {
  constructor(url) {
    this.url = url;
    this.portfolio = "";
    this.state = { ...EMPTY };
    this.listeners = new Set();
    this.source = null;
    this.startedAt = Date.now();
    // A page that is kept for the way back must not keep its stream: a browser has six per origin.
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted && this.listeners.size) this.open();
    });
  }

  // Which portfolio's detail is pushed; a change opens the stream anew.
  select(portfolio) {
    if (portfolio === this.portfolio && this.source) return;
    this.portfolio = portfolio;
    if (this.listeners.size) this.open();
  }

  // The head changes pages; it says how once it is there.
  openPage(page, portfolio) {
    this.opener?.(page, portfolio);
  }

  subscribe(listener) {
    this.listeners.add(listener);
    clearTimeout(this.closing);
    if (!this.source) this.open();
    return () => {
      this.listeners.delete(listener);
      if (!this.listeners.size) this.closing = setTimeout(() => this.close(), CLOSE_GRACE_MS);
    };
  }

  open() {
    this.close();
    const address = new URL(this.url, document.baseURI);
    if (this.portfolio) address.searchParams.set("portfolio", this.portfolio);
    this.source = new EventSource(address);
    this.source.onmessage = (event) => this.take(JSON.parse(event.data));
    this.source.onerror = () => this.retry();
    this.judging = setInterval(() => this.judge(), JUDGE_EVERY_MS);
  }

  close() {
    this.source?.close();
    this.source = null;
    clearInterval(this.judging);
    clearTimeout(this.retrying);
  }

  retry() {
    if (this.source?.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.retrying);
    this.retrying = setTimeout(() => this.open(), RETRY_MS);
  }

  take(push) {
    const now = Date.now();
    const { freshness, curve, cards_whole: whole, ...parts } = push;
    if (parts.cards && !whole) parts.cards = merged(this.state.cards, parts.cards);
    const old = parts.selected === this.state.selected ? this.state : { ...this.state, ...blank() };
    this.state = { ...old, ...parts, freshness, heardAt: now };
    if (parts.trades) this.state.tradesAt = now;
    if (curve) this.state.curve = joined(old.curve, curve);
    this.state.aliveAt = steady(old.aliveAt, freshness.since_ms === null ? null : now - freshness.since_ms);
    this.state.changedAt = push.quiet_ms === null ? null : now - push.quiet_ms;
    this.judge();
  }

  judge() {
    const { heardAt, freshness } = this.state;
    const silentSince = heardAt ?? this.startedAt;
    this.state.lost = Date.now() - silentSince > SILENCE_BOUND_MS;
    this.state.live = !this.state.lost && freshness?.state === "live";
    this.schedule();
  }

  // Panels draw at most once per frame, and not at all in a hidden tab.
  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      for (const listener of this.listeners) listener();
    });
  }
}

// The same moment, told again with the jitter of the way, stays the same moment.
function steady(before, moment) {
  return before && moment && Math.abs(moment - before) < JITTER_MS ? before : moment;
}

function blank() {
  return { view: null, days: null, trades: [], durable: null, curve: EMPTY.curve };
}

// The server sends the cards that changed; they replace those of the same portfolio.
function merged(old, changed) {
  const byName = new Map([...old, ...changed].map((card) => [card.portfolio, card]));
  return byName.size === old.length ? [...byName.values()] : [...byName.values()].sort(byPortfolio);
}

function byPortfolio(a, b) {
  return a.portfolio < b.portfolio ? -1 : 1;
}

// The server sends the points from `start` on; they replace what stands there.
function joined(old, part) {
  const kept = part.start > 0 ? old.points.slice(0, part.start) : [];
  return { generation: part.generation, points: kept.concat(part.points) };
}
