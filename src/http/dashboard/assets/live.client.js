// @ts-check
/**
 * Keeps a page as it would be if it were loaded now: asks for it again when the town says that something changed, and
 * puts what differs in place. Whatever is the same stays the same element, and keeps focus, selection and openness.
 */

const AT_MOST_EVERY_MS = 400;
const GIVE_UP_MS = 15_000;

/** @type {HTMLElement | null} */
const main = document.querySelector('main[data-every]');
/** @type {EventSource | null} */
let changes = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let isAsking = false;
let askedAt = 0;

/** @param {'live' | 'lost' | 'paused'} state */
function show(state) {
  document.body.dataset['link'] = state;
}

/** Asks for the page at the latest after `ms`. @param {number} ms */
function askWithin(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => void ask(), Math.max(ms, askedAt + AT_MOST_EVERY_MS - Date.now()));
}

async function ask() {
  if (main === null || isAsking || document.hidden) return;
  isAsking = true;
  askedAt = Date.now();
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (answer.redirected) return location.assign(answer.url);
    if (answer.status >= 500) throw new Error(`answered ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const freshMain = fresh.querySelector('main[data-every]');
    // What was looked at is gone, or the page comes from another release than this script.
    if (freshMain === null || buildOf(fresh) !== buildOf(document)) return location.reload();
    adjust(main, freshMain);
    document.title = fresh.title;
    announce();
    show('live');
    await Promise.all([...main.querySelectorAll('details[open][data-output]')].map(showOutput));
  } catch {
    show('lost'); // It is asked again below.
  } finally {
    isAsking = false;
    askWithin(Number(main.dataset['every']));
  }
}

/** @param {Document} page */
function buildOf(page) {
  return page.querySelector('script[src]')?.getAttribute('src');
}

/** Says a change of state to those who listen: a line that is always there, so that nothing else is read out. */
function announce() {
  const said = document.getElementById('said');
  const news = main?.querySelector('[data-say]')?.getAttribute('data-say') ?? '';
  if (said !== null && said.textContent !== news) said.textContent = news;
}

/** @param {Element} details */
async function showOutput(details) {
  const pre = details.querySelector('pre');
  const answer = await fetch(details.getAttribute('data-output') ?? '');
  if (pre === null || answer.redirected) return;
  setText(
    pre,
    answer.ok ? (await answer.text()) || 'Nothing written yet.' : `Not to be had: ${answer.status}`,
  );
}

/** Text that grows at its end: who reads at the end goes on there, and who marks something keeps it. @param {Element} pre @param {string} text */
function setText(pre, text) {
  if (pre.textContent === text || isMarked(pre)) return;
  const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8;
  pre.textContent = text;
  if (isAtEnd) pre.scrollTop = pre.scrollHeight;
}

/** @param {Node} node */
function isMarked(node) {
  const marked = getSelection();
  return marked !== null && !marked.isCollapsed && marked.containsNode(node, true);
}

/** Makes an element like the fresh one, with as few changes as there are. @param {Element} old @param {Element} fresh */
function adjust(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  for (const { name, value } of fresh.attributes) {
    if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  if (old.hasAttribute('data-keep')) return;
  if (old.nodeName === 'PRE') setText(old, fresh.textContent ?? '');
  else adjustChildren(old, fresh);
}

/** @param {Element} old @param {Element} fresh */
function adjustChildren(old, fresh) {
  /** @type {ChildNode | null} */
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const found = likeness(at, wanted);
    if (found === null) {
      old.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    while (at !== null && at !== found) at = removed(at);
    at = found.nextSibling;
    if (found instanceof Element && wanted instanceof Element) adjust(found, wanted);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (at !== null) at = removed(at);
}

/** The child, among those from `at` on, that stands for `wanted`: the one with its id, else the next without one. @param {ChildNode | null} at @param {Node} wanted */
function likeness(at, wanted) {
  const id = wanted instanceof Element ? wanted.id : '';
  if (id === '')
    return at?.nodeName === wanted.nodeName && !(at instanceof Element && at.id !== '') ? at : null;
  for (let node = at; node !== null; node = node.nextSibling) {
    if (node instanceof Element && node.id === id) return node;
  }
  return null;
}

/** @param {ChildNode} node */
function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** Listens while somebody looks. A browser comes back by itself to a stream that broke; to one that was refused it does not. */
function listen() {
  const address = main?.dataset['changes'];
  if (address === undefined || changes !== null) return;
  changes = new EventSource(address);
  // It may be open after a while without: what happened meanwhile is on the page.
  changes.addEventListener('open', () => askWithin(0));
  changes.addEventListener('changed', () => askWithin(0));
  changes.addEventListener('error', () => {
    show('lost');
    if (changes?.readyState === EventSource.CLOSED) stopListening();
  });
}

function stopListening() {
  changes?.close();
  changes = null;
}

function resume() {
  listen();
  askWithin(0);
}

if (main !== null) {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) return resume();
    clearTimeout(timer);
    stopListening();
    show('paused');
  });
  addEventListener('pagehide', stopListening);
  addEventListener('pageshow', (event) => {
    if (event.persisted) resume();
  });
  main.addEventListener('toggle', () => askWithin(0), true);
  for (const pre of main.querySelectorAll('pre')) pre.scrollTop = pre.scrollHeight;
  if (!document.hidden) {
    listen();
    show('live');
    askWithin(Number(main.dataset['every']));
  }
}
