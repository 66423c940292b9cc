"""What the product does, one package a blueprint; `project/app.py` lists them."""
