// Telling in the browser that a job has ended: who asked for it, what was told already, what is shown.

const WANTED = 'mmdnet:notices'
const TOLD = 'mmdnet:told'
const MOST = 200 // jobs remembered as told

// What can be done here: 'insecure' (the browser allows it over HTTPS and on this machine alone), 'missing', 'denied',
// 'on' or 'off'.
export function standing(view) {
  if (!view.isSecureContext) return 'insecure'
  if (!('Notification' in view)) return 'missing'
  if (view.Notification.permission === 'denied') return 'denied'
  return view.Notification.permission === 'granted' && read(view.localStorage, WANTED) === 'on' ? 'on' : 'off'
}

// Ask for the right to tell, or give it up; the standing afterwards. Browsers ask only upon a press of a button.
export async function turn(view, wanted) {
  if (wanted && view.Notification.permission !== 'granted') await view.Notification.requestPermission()
  write(view.localStorage, WANTED, wanted && view.Notification.permission === 'granted' ? 'on' : 'off')
  return standing(view)
}

// Tell of jobs that have ended, each once in this tab; several tabs share a tag, so that one message is seen.
export function announce(view, ended) {
  const told = JSON.parse(read(view.sessionStorage, TOLD) ?? '[]')
  const fresh = ended.filter(({ id }) => !told.includes(id))
  if (!fresh.length) return
  write(view.sessionStorage, TOLD, JSON.stringify([...told, ...fresh.map(({ id }) => id)].slice(-MOST)))
  if (standing(view) !== 'on') return
  for (const { id, words } of fresh) {
    try {
      new view.Notification('MMD-Net lab', { body: words, tag: id })
    } catch { /* a browser that shows them from a service worker only */ }
  }
}

function read(storage, place) {
  try { return storage.getItem(place) } catch { return null }
}

function write(storage, place, value) {
  try { storage.setItem(place, value) } catch { /* a browser that keeps nothing asks again */ }
}
