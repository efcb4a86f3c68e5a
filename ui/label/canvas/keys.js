// Keys: which key does what. The lab keeps each reader's own; digits are grades, taken by their place on the keyboard, so
// that a French one needs no shift.

const NAMED = { ' ': 'Space', ArrowRight: '→', ArrowLeft: '←', ArrowUp: '↑', ArrowDown: '↓', Backspace: '⌫', Enter: '⏎', Delete: 'Del' }

export function keyWords(key) { return NAMED[key] ?? (key.length === 1 ? key.toUpperCase() : key) }

// The name of a pressed key as it is kept: letters without regard to Shift.
export function keyOf(event) { return event.key.length === 1 ? event.key.toLowerCase() : event.key }

// What a key press means; null if it is not ours.
export function meaning(event, keys) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)
  if (digit && !event.shiftKey) return digit[1]
  const pressed = keyOf(event)
  if (pressed === '-') return 'unknown'
  return Object.keys(keys).find((name) => keys[name] === pressed) ?? null
}

// Why an act cannot have this key; nothing if it can. `keys` are the reader's, `names` the acts' words, `taken` never free.
export function problemWith(key, act, { keys, names, taken }) {
  if (taken.includes(key)) return 'Digits are grades, - is unknown, C and R belong to the page; choose another key.'
  const other = Object.keys(keys).find((name) => name !== act && keys[name] === key)
  return other ? `${keyWords(key)} is the key of “${names[other]}” already; change that one first.` : ''
}
