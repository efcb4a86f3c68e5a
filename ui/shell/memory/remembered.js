// What a tab keeps of who reads: written when somebody was chosen, forgotten when nobody is, and told to the lab as the page
// opens its socket, so that a page opened by a link is drawn for its reader at once and not a second time under their hands.

const PLACE = 'mmdnet:reader'
const MARK = 'reader.' // before the name, as `ui.shell.access.told_reader` takes it
const SOCKET = /\/_stcore\/stream$/

// Keep the name, or forget it (null); `storage` is the tab's own.
export function remember(storage, name) {
  try {
    if (name) storage.setItem(PLACE, name)
    else storage.removeItem(PLACE)
  } catch { /* a browser that keeps nothing: the page asks again after a reload */ }
}

// The name as one of the socket's protocols, or null: letters that no header can hold as base64url of their UTF-8.
function told(storage) {
  let name = null
  try { name = storage.getItem(PLACE) } catch { /* a browser that keeps nothing */ }
  if (!name) return null
  const bytes = String.fromCharCode(...new TextEncoder().encode(name))
  return MARK + btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

// From now on the page's socket to Streamlit says who reads. Streamlit knows what is sent by its place: the protocol, its
// token, and the session that is gone on with; where there is none, a session nobody has stands there and the name behind it.
export function tellReader(window) {
  const { WebSocket, sessionStorage } = window
  window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      const name = SOCKET.test(url) ? told(sessionStorage) : null
      super(url, name ? [...protocols, ...(protocols.length < 3 ? ['new'] : []), name] : protocols)
    }
  }
}
