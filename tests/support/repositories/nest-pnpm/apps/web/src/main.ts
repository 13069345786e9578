import { healthy } from "@shop/contract";

document.querySelector("#status")!.textContent = `${healthy.status} ${import.meta.env.VITE_API_URL}`;
