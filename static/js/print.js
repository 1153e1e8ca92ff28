/* A page made for paper brings its own button. */
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
