// Leads the keys to a field of the page, once: as what asks for it is drawn. Where it is the first of several choices of
// digits, a digit chooses within the one that has the keys, and they go on to the next, after the last to the button.

const TRIES = 40
const EVERY_MS = 50

const FIELDS = ['input', '[role=radio][aria-checked=true]', '[role=radio]', 'button']

const mounted = new WeakSet()

const widget = (key) => document.querySelector(`.st-key-${CSS.escape(key)}`)
const fieldOf = (key) => FIELDS.map((kind) => widget(key)?.querySelector(kind)).find(Boolean)

export default function ({ data, parentElement }) {
  if (mounted.has(parentElement)) return
  mounted.add(parentElement)
  const look = (left) => {
    const field = fieldOf(data.key)
    if (field) field.focus()
    else if (left > 0) setTimeout(() => look(left - 1), EVERY_MS)
  }
  look(TRIES)
  if (!data.digits) return
  const choose = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !/^\d$/.test(event.key)) return
    const at = data.digits.findIndex((key) => widget(key)?.contains(document.activeElement))
    const radios = at < 0 ? [] : [...widget(data.digits[at]).querySelectorAll('[role=radio]')]
    const chosen = radios.find((radio) => radio.textContent.trim() === event.key)
    if (!chosen) return
    event.preventDefault()
    event.stopPropagation()
    if (chosen.getAttribute('aria-checked') !== 'true') chosen.click() // pressed again it would be unknown
    fieldOf(data.digits[at + 1] ?? data.then)?.focus()
  }
  document.addEventListener('keydown', choose, true)
  return () => document.removeEventListener('keydown', choose, true)
}
