const charts = JSON.parse(document.getElementById("charts").textContent);
const options = {
  ast: true, // expressions are interpreted, so that the page may forbid itself to evaluate code
  actions: false,
  defaultStyle: false,
  renderer: "svg",
  tooltip: { disableDefaultStyle: true },
};

async function draw(chart, number) {
  const place = document.getElementById(`plot-${number}`);
  try {
    await vegaEmbed(place, chart, options);
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(error);
  }
}

Promise.all(charts.map(draw)).then(() => {
  document.documentElement.dataset.drawn = "yes";
});
