// Sizes and places of what is laid over a slide.

const LONGEST_PX = 180 // of the scale bar
const ABOUT_PX = 160

// The scale bar at so many µm per displayed pixel: the longest round length that fits, in px and in words.
export function scaleBar(umPerPixel) {
  const power = 10 ** Math.floor(Math.log10(ABOUT_PX * umPerPixel))
  const length = Math.max(...[1, 2, 5, 10].map((step) => step * power).filter((um) => um / umPerPixel <= LONGEST_PX))
  return { px: length / umPerPixel, words: length >= 1000 ? `${length / 1000} mm` : `${length} µm` }
}

// How a picture over the whole slide is laid. Its sides are rounded to its own coarse pixels: laid by the longer one, it
// fits to half a pixel of it.
export function layerSpan({ width, height }) { return height > width ? { height: height / width } : { width: 1 } }

// Where the numbers of a legend stand, in per cent of its length; one at the end is set flush with it.
export function ticksOf({ low, high, ticks }) {
  return ticks.map((tick, n) => ({ words: tick, left: (100 * (tick - low)) / (high - low), last: n > 0 && tick >= high * 0.97 }))
}
