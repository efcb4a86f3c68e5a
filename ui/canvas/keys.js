// Keys: which key does what. Digits are taken by their place on the keyboard, so that a French one needs no shift.

const DEFAULT_KEYS = {
  ignore: 'i', accept: ' ', undo: 'Backspace', guide: 'h', flag: 'f', context: 'z', unknown: 'u', enter: 'Enter',
  next: 'ArrowRight', previous: 'ArrowLeft', up: 'ArrowUp', down: 'ArrowDown',
}
const KEYS_AT = 'mmdnet:keys'

function loadKeys() {
  try { return { ...DEFAULT_KEYS, ...JSON.parse(localStorage.getItem(KEYS_AT) ?? '{}') } } catch { return { ...DEFAULT_KEYS } }
}

function saveKeys(keys) {
  const own = Object.fromEntries(Object.entries(keys).filter(([name, key]) => DEFAULT_KEYS[name] !== key))
  localStorage.setItem(KEYS_AT, JSON.stringify(own))
}

function keyWords(key) {
  return { ' ': 'Space', ArrowRight: '→', ArrowLeft: '←', ArrowUp: '↑', ArrowDown: '↓', Backspace: '⌫', Enter: '⏎' }[key] ?? key.toUpperCase()
}

// What a key press means; null if it is not ours.
function meaning(event, keys) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)
  if (digit && !event.shiftKey) return digit[1]
  if (event.key === '-') return 'unknown'
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key
  return Object.keys(keys).find((name) => keys[name] === pressed) ?? null
}

// Streamlit lays a "Connection error" over the page when the lab is away. The canvas says so itself, more quietly, and
// labels go on: the notice is closed, and the keys are the canvas's again.
function withoutConnectionNotice(back) {
  const close = () => {
    for (const dialog of document.querySelectorAll('[role="dialog"]')) {
      if (!dialog.textContent.startsWith('Connection error')) continue
      dialog.querySelector('button[aria-label="Close"]')?.click()
      setTimeout(back)
    }
  }
  const watcher = new MutationObserver(close)
  watcher.observe(document.body, { childList: true })
  return () => watcher.disconnect()
}

// Whether the reader is typing somewhere else: a field, a list, a dialog of the page.
function elsewhere(event) {
  return event.composedPath().some((el) => el instanceof Element && (
    el.matches('input, textarea, select, [contenteditable="true"], [role="combobox"], [role="listbox"], [role="dialog"]')
  ))
}
