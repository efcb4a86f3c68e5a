// Leads the keys to a field of the page, once: as the page opens that asks for it.

const TRIES = 40
const EVERY_MS = 50

const mounted = new WeakSet()

export default function ({ data, parentElement }) {
  if (mounted.has(parentElement)) return
  mounted.add(parentElement)
  const look = (left) => {
    const field = document.querySelector(`.st-key-${CSS.escape(data.key)} input`)
    if (field) field.focus()
    else if (left > 0) setTimeout(() => look(left - 1), EVERY_MS)
  }
  look(TRIES)
}
