document.title = "Vite works";
