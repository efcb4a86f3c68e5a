const PLACE = 'mmdnet:reader'

// The name to tell the page, or null: only where it asks. `storage` is the tab's own.
export function remembered(storage, { name, asked }) {
  try {
    if (name) storage.setItem(PLACE, name)
    else if (asked) return storage.getItem(PLACE)
    else storage.removeItem(PLACE)
  } catch { /* a browser that keeps nothing: the page asks again after a reload */ }
  return null
}
