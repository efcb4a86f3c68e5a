// Leads the keys to a field of the page, once: as what asks for it is drawn.

const TRIES = 40
const EVERY_MS = 50

const FIELDS = ['input', '[role=radio][aria-checked=true]', '[role=radio]']

const mounted = new WeakSet()

export default function ({ data, parentElement }) {
  if (mounted.has(parentElement)) return
  mounted.add(parentElement)
  const look = (left) => {
    const widget = document.querySelector(`.st-key-${CSS.escape(data.key)}`)
    const field = FIELDS.map((kind) => widget?.querySelector(kind)).find(Boolean)
    if (field) field.focus()
    else if (left > 0) setTimeout(() => look(left - 1), EVERY_MS)
  }
  look(TRIES)
}
