"""`python -m medsynai` is the same as the command `medsynai`."""

from medsynai.cli import main

if __name__ == "__main__":
    main()
