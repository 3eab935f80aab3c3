(() => {
  const MOST = 50;
  const { digits, columns } = JSON.parse(document.getElementById("nodes-data").textContent);
  const count = columns[0].length;
  const texts = columns.filter((_, i) => digits[i] === null);
  const box = document.getElementById("find");
  const body = document.getElementById("nodes-found");
  const matches = (n, word) => texts.some((column) => column[n].toLowerCase().includes(word));
  const written = (value, places) => {
    if (value === null) return "-";
    const exactly = { minimumFractionDigits: places, maximumFractionDigits: places };
    return places === null ? value : value.toLocaleString("en-US", exactly);
  };
  const row = (n) => {
    const line = document.createElement("tr");
    columns.forEach((column, i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i) cell.scope = "row";
      if (digits[i] !== null) cell.className = "n";
      cell.textContent = written(column[n], digits[i]);
      line.append(cell);
    });
    return line;
  };
  const show = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let n = 0; n < count; n++) if (words.every((word) => matches(n, word))) found.push(n);
    body.replaceChildren(...found.slice(0, MOST).map(row));
    const shown = Math.min(MOST, found.length);
    document.getElementById("found").textContent = `${shown} of ${found.length} shown`;
  };
  box.addEventListener("input", show);
  show();
})();
