"""The site, built from the repository: pages are gathered or written here, and Zensical makes HTML of them."""
