// Choices of digits from the keys: a digit chooses within the one that has the keys, and they go on to the next, after the
// last to a button. One key gives one grade, however often the page was drawn.

const FIELDS = ['input', '[role=radio][aria-checked=true]', '[role=radio]', 'button']

const widget = (page, key) => page.querySelector(`.st-key-${CSS.escape(key)}`)

// What of a widget takes the keys; undefined while it is not drawn.
export const fieldOf = (page, key) => FIELDS.map((kind) => widget(page, key)?.querySelector(kind)).find(Boolean)

// Listens to a page's keys for the choices with these Streamlit keys, in order; gives back what ends it.
export function leadByDigits(page, keys, then) {
  const choose = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !/^\d$/.test(event.key)) return
    const at = keys.findIndex((key) => widget(page, key)?.contains(page.activeElement))
    const radios = at < 0 ? [] : [...widget(page, keys[at]).querySelectorAll('[role=radio]')]
    const chosen = radios.find((radio) => radio.textContent.trim() === event.key)
    if (!chosen) return
    event.preventDefault()
    event.stopImmediatePropagation() // whoever listens beside this would take the same key for the next choice
    if (event.repeat) return // a key that is held is one grade
    if (chosen.getAttribute('aria-checked') !== 'true') chosen.click() // pressed again it would be unknown
    fieldOf(page, keys[at + 1] ?? then)?.focus()
  }
  page.addEventListener('keydown', choose, { capture: true })
  return () => page.removeEventListener('keydown', choose, { capture: true })
}
