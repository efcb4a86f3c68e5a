// Light or dark is chosen once for the lab. Streamlit keeps the choice by the path of the page that was loaded, so that a
// page opened by its address was in another theme: what is chosen on one page is kept for every page.

const OF_A_PAGE = /^stActiveTheme-.*-(v\d+)$/
const OF_ALL = 'mmdnet:theme'

// Take the choice of all pages for this one, and from now on its choice for all; `storage` is the window's own.
export function oneTheme(storage, path) {
  const { setItem } = Object.getPrototypeOf(storage)
  try {
    const [version, chosen] = JSON.parse(storage.getItem(OF_ALL)) ?? []
    if (version) storage.setItem(`stActiveTheme-${path}-${version}`, chosen)
  } catch { /* a browser that keeps nothing, or something else under this name */ }
  Object.getPrototypeOf(storage).setItem = function (name, value) {
    setItem.call(this, name, value)
    const version = this === storage && OF_A_PAGE.exec(name)?.[1]
    if (version) setItem.call(this, OF_ALL, JSON.stringify([version, value]))
  }
}
