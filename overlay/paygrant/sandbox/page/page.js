// Shows the state that the control API sends, and uses its switches.
//
// All text from the server is inserted as text, never as markup: clients can put anything into a request's path.
// All times are by the server's clock. So lifetimes are right even if that clock is wrong or stands still.

const TOKENS_SHOWN = 4; // a card stays small under load

const $ = (selector, root = document) => root.querySelector(selector);
const copyOf = (name) => $(`template#${name}`).content.firstElementChild.cloneNode(true);
const sentence = (name) => name.replaceAll("_", " ");
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** Sets a text only if it has changed, so that nothing flickers and no selection is lost. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes one child for each item, in this order. The child of an item is kept, with its focus and its open parts. */
function draw(parent, items, keyOf, make, update = () => {}) {
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  const present = new Map();
  for (const child of [...parent.children]) {
    if (child.dataset.key === undefined) continue; // part of the page itself
    if (wanted.has(child.dataset.key)) present.set(child.dataset.key, child);
    else child.remove();
  }
  let last = [...parent.children].findLast((child) => child.dataset.key === undefined);
  for (const item of items) {
    const key = String(keyOf(item));
    const child = present.get(key) ?? make(item);
    child.dataset.key = key;
    update(child, item);
    const next = last ? last.nextElementSibling : parent.firstElementChild;
    if (child !== next) parent.insertBefore(child, next);
    last = child;
  }
}

// Requests to the control API

/** Sends a command. Throws the sandbox's error text if it is refused. */
async function command(method, path, body) {
  const options = { method };
  if (body) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const response = await fetch(`/control${path}`, options);
  if (response.ok) return;
  const refusal = await response.json().catch(() => ({}));
  throw new Error(refusal.error ?? `the sandbox responded with status ${response.status}`);
}

/** Carries out the command of a button, and shows a failure at the top of the page. */
async function press(method, path) {
  const trouble = $("#trouble");
  try {
    await command(method, path);
    trouble.hidden = true;
  } catch (error) {
    write(trouble, `The command failed: ${error.message}`);
    trouble.hidden = false;
  }
}

// Time

let serverTime = 0;
let measuredAt = 0;
const now = () => serverTime + (performance.now() - measuredAt) / 1000;

const timeOfDay = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Seconds in the form 9:59:59 or 4:05. */
function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// Providers

const cards = new Map();

/** The names of a card's buttons for screen readers. */
const BUTTONS = {
  ".copy": "Copy base URL",
  ".copy-command": "Copy command",
  ".revoke": "Revoke all tokens",
  ".add": "Add a fault",
  ".restore": "Switch off all faults",
};

class Card {
  constructor({ name }) {
    this.name = name;
    this.element = copyOf("provider");
    this.element.setAttribute("aria-label", sentence(name));
    write(this.part("h3"), sentence(name));
    this.part(".copy").addEventListener("click", (event) => this.copy(event.target, ".base-url"));
    this.part(".copy-command").addEventListener("click", (event) => this.copy(event.target, ".command"));
    $("summary", this.element).setAttribute("aria-label", `Command for a token: ${sentence(name)}`);
    this.part(".revoke").addEventListener("click", () => press("POST", `/${name}/revoke`));
    this.part(".restore").addEventListener("click", () => press("DELETE", `/${name}/faults`));
    for (const [button, what] of Object.entries(BUTTONS)) {
      this.part(button).setAttribute("aria-label", `${what}: ${sentence(name)}`);
    }
    this.picker = new Picker(this);
  }

  part(selector) {
    return $(selector, this.element);
  }

  show(provider) {
    this.tokens = provider.tokens;
    this.unlisted = provider.alive - provider.tokens.length;
    write(this.part(".token-requests"), plural(provider.token_requests, "token request"));
    write(this.part(".api-calls"), plural(provider.api_calls, "API call"));
    write(this.part(".base-url"), new URL(provider.base_url, location.origin).href);
    write(this.part(".token-path"), `${provider.token_method} ${provider.token_path}`);
    write(this.part(".command"), usage.commands[this.name] ?? "");
    this.part(".usage").hidden = !usage.commands[this.name];
    write(this.part(".fault-count"), String(provider.faults.length));
    this.element.classList.toggle("faulty", provider.faults.length > 0);
    draw(this.part(".faults"), provider.faults, (fault) => fault.id, (fault) => this.chip(fault), showTerms);
    this.tick();
  }

  chip(fault) {
    const item = copyOf("fault");
    write($("b", item), sentence(fault.kind));
    const button = $("button", item);
    button.setAttribute("aria-label", `Switch off ${sentence(fault.kind)}: ${sentence(this.name)}`);
    button.addEventListener("click", async () => {
      await press("DELETE", `/${this.name}/faults/${encodeURIComponent(fault.id)}`);
      this.part(".add").focus(); // the button is removed: keep the keyboard focus on this card
    });
    return item;
  }

  /** Shows the tokens that are still valid. The server sends nothing when a token expires. */
  tick() {
    const alive = this.tokens.filter((token) => token.expires_at > now());
    const count = alive.length + this.unlisted;
    const hidden = Math.max(0, alive.length - TOKENS_SHOWN) + this.unlisted;
    write(this.part(".token-count"), String(count));
    draw(this.part(".tokens"), alive.slice(0, TOKENS_SHOWN), identity, newToken, showLifetime);
    write(this.part(".more"), `and ${hidden} more`);
    this.part(".more").hidden = !hidden;
  }

  async copy(button, selector) {
    await navigator.clipboard.writeText(this.part(selector).textContent);
    write(button, "Copied");
    setTimeout(() => write(button, "Copy"), 1500);
  }
}

const identity = (token) => `${token.fingerprint} ${token.issued_at}`;

function newToken(token) {
  const item = copyOf("token");
  write($("code", item), token.fingerprint);
  $("progress", item).max = token.expires_at - token.issued_at;
  return item;
}

function showLifetime(item, token) {
  const left = token.expires_at - now();
  $("progress", item).value = left;
  write($(".left", item), clock(left));
}

function showTerms(item, { id, kind, on, times, ...parameters }) {
  const terms = Object.entries(parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${sentence(name)} ${value}`);
  terms.push(`on ${on}`, times === null ? "until switched off" : `for ${plural(times, "more request")}`);
  write($(".terms", item), terms.join(" · "));
}

// Switching faults on

let kinds = [];
let usage = { commands: {} };

/** Shows the credentials that the sandbox accepts. */
function showClient() {
  write($("#client .client-id"), usage.client_id);
  write($("#client .client-secret"), usage.client_secret);
  $("#client").hidden = false;
}

class Picker {
  constructor(card) {
    this.card = card;
    this.form = card.part("form");
    this.opener = card.part(".add");
    this.opener.addEventListener("click", () => this.open(this.form.hidden));
    this.select = $("select", this.form);
    this.select.append(...kinds.map(({ kind }) => new Option(sentence(kind), kind)));
    this.select.addEventListener("change", () => this.choose());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.choose();
  }

  open(open) {
    this.form.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    (open ? this.select : this.opener).focus();
  }

  choose() {
    const kind = kinds.find(({ kind }) => kind === this.select.value);
    write($(".meaning", this.form), kind.meaning);
    write($(".refusal", this.form), "");
    $(".parameters", this.form).replaceChildren(...[...kind.parameters, ...everyKind(kind)].map(field));
  }

  async submit() {
    const refusal = $(".refusal", this.form);
    const fault = { kind: this.select.value };
    for (const input of this.form.querySelectorAll(".parameters [name]")) {
      if (input.value !== "") fault[input.name] = input.type === "number" ? Number(input.value) : input.value;
    }
    try {
      await command("POST", `/${this.card.name}/faults`, fault);
      write(refusal, "");
      this.open(false);
    } catch (error) {
      write(refusal, error.message);
    }
  }
}

/** The parameters that every kind of fault has. */
const everyKind = ({ on }) => [
  { name: "on", type: "choice", choices: on, default: on[0], meaning: "the endpoint that it applies to" },
  { name: "times", type: "integer", default: null, meaning: "the number of requests; empty: until switched off" },
];

/** A labelled input for a parameter. The sandbox checks the value. */
function field({ name, type, choices, default: value, meaning }) {
  const element = copyOf("parameter");
  write($("span", element), sentence(name));
  write($("small", element), meaning);
  const input = document.createElement(type === "choice" ? "select" : "input");
  input.name = name;
  input.ariaDescription = meaning;
  if (type === "choice") {
    input.append(...choices.map((choice) => new Option(sentence(choice), choice, choice === value, choice === value)));
  } else {
    input.type = type === "text" ? "text" : "number";
    input.step = type === "number" ? "any" : "1";
    input.autocomplete = "off";
    input.value = value ?? "";
  }
  $("label", element).append(input);
  return element;
}

// Requests

const requestKey = (request) => `${request.id} ${request.at}`; // a restarted sandbox counts from one again

function duration(milliseconds) {
  if (milliseconds < 0.1) return "<0.1";
  return milliseconds.toFixed(milliseconds < 10 ? 1 : 0);
}

function outcome(status) {
  if (status === null || status >= 500) return "broken";
  return status >= 400 ? "refused" : "good";
}

function newRequest(request) {
  const body = copyOf("request");
  const base = `/${request.provider}`; // shown if there is no room for the column of the provider
  const shown = {
    time: timeOfDay.format(request.at * 1000),
    provider: sentence(request.provider),
    method: request.method,
    base,
    path: request.path.replace(base, ""),
    status: String(request.status ?? "–"),
    milliseconds: duration(request.milliseconds),
    fault: sentence(request.fault ?? ""),
  };
  for (const [name, text] of Object.entries(shown)) write($(`.${name}`, body), text);
  body.dataset.outcome = outcome(request.status);
  const button = $("button", body);
  body.rows[0].addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    if (open) body.append(details(request));
    else body.rows[1].remove();
  });
  return body;
}

/** A row with all that the sandbox has recorded of a request. The sandbox has removed the secrets. */
function details(request) {
  const row = document.createElement("tr");
  const cell = row.insertCell();
  cell.colSpan = 6;
  cell.className = "details";
  for (const [title, pairs] of [["Headers", request.headers], ["Parameters", request.parameters]]) {
    const heading = document.createElement("h4");
    write(heading, title);
    const list = document.createElement("dl");
    for (const [name, value] of Object.entries(pairs)) {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      write(term, name);
      write(text, String(value));
      list.append(term, text);
    }
    if (list.children.length) cell.append(heading, list);
  }
  if (request.reason) {
    const heading = document.createElement("h4");
    const text = document.createElement("p");
    write(heading, "Refused");
    write(text, request.reason);
    cell.append(heading, text);
  }
  if (!cell.children.length) write(cell, "No headers and no parameters.");
  return row;
}

let newest;

/** Announces the latest request to screen readers. Requests from before the page was opened are not announced. */
function announce([latest]) {
  const key = latest && requestKey(latest);
  if (newest !== undefined && key && key !== newest) {
    const { provider, method, path, status, fault } = latest;
    const applied = fault ? `, fault: ${sentence(fault)}` : "";
    write($("#news"), `${sentence(provider)}: ${method} ${path}, ${status ?? "no response"}${applied}`);
  }
  newest = key ?? "";
}

// The state, whenever it arrives

function show({ now: time, providers, requests }) {
  [serverTime, measuredAt] = [time, performance.now()];
  const newCard = (provider) => {
    const card = new Card(provider);
    cards.set(provider.name, card);
    return card.element;
  };
  draw($("#providers"), providers, ({ name }) => name, newCard, (_, provider) => cards.get(provider.name).show(provider));
  draw($("table"), requests, requestKey, newRequest);
  $("#none-yet").hidden = requests.length > 0;
  announce(requests);
}

const CONNECTION = {
  live: "Live",
  gone: "Sandbox not reachable; trying again",
};

function connection(state) {
  document.body.dataset.connection = state;
  write($("#connection"), CONNECTION[state]);
}

const RETRY = 1000; // milliseconds

/** Receives the state from the sandbox. If the connection ends, tries again: a new sandbox may start on this port. */
async function listen() {
  const again = () => {
    connection("gone");
    setTimeout(listen, RETRY);
  };
  try {
    kinds = await (await fetch("/control/faults")).json();
    usage = await (await fetch("/control/usage")).json();
    showClient();
  } catch {
    again();
    return;
  }
  const events = new EventSource("/control/events");
  events.addEventListener("open", () => connection("live"));
  events.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  events.addEventListener("error", () => {
    events.close();
    again();
  });
}

$("#reset").addEventListener("click", () => press("POST", "/reset"));
setInterval(() => cards.forEach((card) => card.tick()), 250);
listen();
