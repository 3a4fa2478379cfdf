'use strict';
// The server draws everything. This puts the parts that have changed into the page, and tells what is done on it.

const $ = id => document.getElementById(id);
const token = document.querySelector('meta[name=token]').content;

// The parts, as they come. Who does not see the page needs none, and a browser has six connections to a place at most.
let connected = false, events, listed;
function listen() {
  events?.close();
  connected = false;
  if (document.hidden) return;
  events = new EventSource('/events' + location.search);
  events.onerror = () => { connected = false; $('lost').hidden = false; };
  events.addEventListener('hello', e => {
    if (e.data !== token) return location.reload(); // it is another sandbox
    listed = new Set();
  $('lost').hidden = true;
  });
  events.addEventListener('part', e => show(JSON.parse(e.data)));
  events.addEventListener('whole', () => {
    for (const old of document.querySelectorAll('#messages > article')) if (!listed.has(old.id)) old.remove();
    connected = true;
  });
}
document.addEventListener('visibilitychange', listen);

// What is being pressed stays until it is let go: a press on something that is replaced meanwhile is lost.
let held = null;
document.addEventListener('pointerdown', e => {
  if (e.button === 0 && e.target.closest('a, button, summary')) held ??= [];
});
for (const over of ['pointerup', 'pointercancel']) document.addEventListener(over, () => setTimeout(() => {
  const parts = held ?? [];
  held = null;
  parts.forEach(show);
}));

function show(part) {
  listed.add(part.id);
  if (held) return held.push(part);
  const old = $(part.id);
  if (!part.mark) return old?.remove();
  if (old?.dataset.mark === part.mark) return;
  const list = $(part.in);
  const atEnd = list && list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const element = old ?? list.appendChild(document.createElement('article'));
  const focused = inside(element).indexOf(document.activeElement);
  element.id = part.id;
  element.dataset.mark = part.mark;
  element.innerHTML = part.html;
  if (focused >= 0) (inside(element)[focused] ?? list)?.focus();
  if (atEnd) list.scrollTop = list.scrollHeight;
  if (part.id === 'modal') showView();
}

// What can have the focus.
function inside(element) { return [...element.querySelectorAll('a, button, input, select, textarea, [tabindex]')]; }

// The form that is open.
function showView() {
  const form = $('modal').firstElementChild;
  $('view').setAttribute('aria-label', form?.dataset.title ?? '');
  if (form && !$('view').open) $('view').showModal();
  if (!form && $('view').open) $('view').close();
}
$('view').addEventListener('cancel', e => { e.preventDefault(); act('close'); });

// What is done.
async function act(deed, fields = {}) {
  for (const place of [$('error'), $('view-error')]) place.textContent = '';
  let outcome;
  try {
    const answer = await fetch('/do/' + deed + location.search, {
      method: 'POST', headers: {'X-Sandbox-Token': token}, body: new URLSearchParams(fields),
    });
    outcome = answer.ok ? await answer.json() : {error: await answer.text()};
  } catch {
    outcome = {error: $('lost').textContent};
  }
  $($('view').open ? 'view-error' : 'error').textContent = outcome.error ?? '';
  if (outcome.watch) $('watch').textContent = outcome.watch;
  return outcome;
}

$('say').addEventListener('submit', async e => {
  e.preventDefault();
  const box = $('box'), text = box.value;
  box.value = '';
  const outcome = await act('say', {text});
  if (outcome.error && !box.value) box.value = text;
});

document.addEventListener('click', async e => {
  const button = e.target.closest('[data-fault], [data-close], [data-shortcut], .bk-button[data-action]');
  if (!button || button.ariaDisabled) return;
  const d = button.dataset;
  if (d.close) return act('close');
  if (d.confirm && !await confirmed(JSON.parse(d.confirm))) return;
  button.ariaDisabled = 'true';
  if (d.fault) await act('fault', {name: d.fault});
  else if (d.shortcut) await act('shortcut', {name: d.shortcut});
  else await act('press', {
    message: button.closest('[data-message]')?.dataset.message ?? '',
    action: d.action ?? '', block: d.block ?? '', value: d.value ?? '',
  });
  button.ariaDisabled = null;
});

document.addEventListener('submit', async e => {
  const form = e.target;
  if (!form.matches('.bk-modal')) return;
  e.preventDefault();
  const fields = new URLSearchParams({view: form.closest('[data-view]').dataset.view});
  for (const input of form.querySelectorAll('[data-block]')) {
    if (input.matches('button, a, [type=checkbox]:not(:checked), [type=radio]:not(:checked)')) continue;
    const values = input.multiple ? [...input.selectedOptions].map(o => o.value) : [input.value];
    for (const value of values) fields.append('in:' + input.dataset.block, value);
  }
  const outcome = await act('submit', fields);
  for (const place of form.querySelectorAll('[data-error]')) {
    place.textContent = outcome.errors?.[place.dataset.error] ?? '';
    const input = [...form.querySelectorAll('[data-block]')].find(i => i.dataset.block === place.dataset.error);
    input?.setAttribute('aria-invalid', place.textContent !== '');
  }
  form.querySelector('[aria-invalid=true]')?.focus();
});

// confirmed asks what a button wants to have confirmed. The browser tells of a dialog's end later, when the next question may
// be open already.
let answer = () => {};
$('confirm').addEventListener('close', () => { if (!$('confirm').open) answer($('confirm').returnValue === 'yes'); });
function confirmed(words) {
  answer(false);
  const dialog = $('confirm'), [no, yes] = dialog.querySelectorAll('button');
  dialog.querySelector('h2').textContent = words.title?.text ?? '';
  dialog.querySelector('p').textContent = words.text?.text ?? '';
  no.textContent = words.deny?.text ?? '';
  yes.textContent = words.confirm?.text ?? '';
  yes.classList.toggle('danger', words.style === 'danger');
  dialog.returnValue = '';
  dialog.showModal();
  yes.focus();
  return new Promise(done => { answer = done; });
}

// What is unfolded stays so from page to page.
document.querySelectorAll('aside details').forEach((fold, i) => {
  fold.open = sessionStorage.getItem('fold' + i) === 'open';
  fold.addEventListener('toggle', () => sessionStorage.setItem('fold' + i, fold.open ? 'open' : ''));
});
$('messages').scrollTop = $('messages').scrollHeight;
showView();
listen();
