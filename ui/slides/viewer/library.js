// The viewer's library from our own route, fetched once by the first viewer of a page.

const LIBRARY = '/viewer-library/openseadragon.min.js'
let library = null

export function loadLibrary() {
  if (window.OpenSeadragon) return Promise.resolve()
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = LIBRARY
    script.onload = resolve
    script.onerror = () => { library = null; reject(new Error('library')) }
    document.head.appendChild(script)
  })
  return library
}
