"""What data is: values and files to signatures, and to the few lines that tell a writer of code what is in them.

And what a script asks of an object, by its syntax tree (`calls`).
"""
