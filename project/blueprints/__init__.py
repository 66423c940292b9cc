"""The product's features, one package per blueprint. `project/app.py` lists the blueprints."""
