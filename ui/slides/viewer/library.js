// The viewer's library from our own route, fetched once by the first viewer of a page.

let library = null

// `from`: where our routes have it.
export function loadLibrary(from) {
  if (window.OpenSeadragon) return Promise.resolve()
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = `${from}/openseadragon.min.js`
    script.onload = resolve
    script.onerror = () => { library = null; reject(new Error('library')) }
    document.head.appendChild(script)
  })
  return library
}
