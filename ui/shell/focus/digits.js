// Choices of digits from the keys: a key leads to the first of them, a digit chooses within the one that has the keys, and
// they go on to the next, after the last to a button. All of it in the browser, so that no key waits for the page to be
// drawn; and one key gives one grade, however often it was.

const FIELDS = ['input', '[role=radio][aria-checked=true]', '[role=radio]', 'button']
const WRITTEN_IN = /^(INPUT|TEXTAREA|SELECT)$/

const widget = (page, key) => page.querySelector(`.st-key-${CSS.escape(key)}`)

// What of a widget takes the keys; undefined while it is not drawn.
export const fieldOf = (page, key) => FIELDS.map((kind) => widget(page, key)?.querySelector(kind)).find(Boolean)

// Listens to a page's keys: `start` leads to the first of the choices with the Streamlit keys `digits`, from anywhere but a
// field that is written in; `then` is the button or field after the last. Gives back what ends it.
export function gradeByDigits(page, { digits, then, start }) {
  const taken = (event) => {
    event.preventDefault()
    event.stopImmediatePropagation() // whoever listens beside this would take the same key once more
  }
  const begin = (event) => {
    const first = WRITTEN_IN.test(page.activeElement?.tagName) ? null : fieldOf(page, digits[0])
    if (!first) return
    taken(event)
    first.focus()
  }
  const choose = (event) => {
    const at = digits.findIndex((key) => widget(page, key)?.contains(page.activeElement))
    const radios = at < 0 ? [] : [...widget(page, digits[at]).querySelectorAll('[role=radio]')]
    const chosen = radios.find((radio) => radio.textContent.trim() === event.key)
    if (!chosen) return
    taken(event)
    if (event.repeat) return // a key that is held is one grade
    if (chosen.getAttribute('aria-checked') !== 'true') chosen.click() // pressed again it would be unknown
    fieldOf(page, digits[at + 1] ?? then)?.focus()
  }
  const press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return
    if (event.key.toLowerCase() === start) begin(event)
    else if (/^\d$/.test(event.key)) choose(event)
  }
  page.addEventListener('keydown', press, { capture: true })
  return () => page.removeEventListener('keydown', press, { capture: true })
}
