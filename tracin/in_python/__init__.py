"""The two scripts as functions of Python: a module and data sets → the same results folder."""
