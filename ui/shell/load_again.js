// A page whose own client has failed is empty for good, whatever is pressed. It is loaded anew by itself: what was typed and not
// sent is kept by the page's parts. Not twice within a minute, or a page that always fails would be loaded for ever.

const FAILED = /delta path/i
const KEPT = 'mmdnet:loaded_again'
const PAUSE_MS = 60_000

export function loadAgain(window, now = Date.now) {
  window.addEventListener('error', ({ message }) => {
    if (!FAILED.test(message ?? '')) return
    try {
      const storage = window.sessionStorage
      if (now() - Number(storage.getItem(KEPT) ?? -Infinity) < PAUSE_MS) return
      storage.setItem(KEPT, String(now()))
    } catch { return } // a browser that keeps nothing cannot say when it was loaded last
    window.location.reload()
  })
}
