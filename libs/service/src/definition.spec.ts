import { Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Reactions } from '#libs/messaging';
import { definitionOf, Service } from './definition.js';

@Reactions({ service: 'inventory' })
class InventoryReactions {}

describe('the definition of a service', () => {
  it('is what its module was marked with, whichever decorator comes first', () => {
    @Service({ name: 'inventory', title: 'Inventory', port: 3002 })
    @Module({ controllers: [InventoryReactions] })
    class Above {}
    @Module({ controllers: [InventoryReactions] })
    @Service({ name: 'inventory', title: 'Inventory', port: 3002 })
    class Below {}
    for (const module of [Above, Below]) expect(definitionOf(module)).toMatchObject({ name: 'inventory', port: 3002 });
  });

  it('is refused for a module that is no service', () => {
    @Module({})
    class Other {}
    expect(() => definitionOf(Other)).toThrow('Other is no service');
  });

  it('is refused when reactions are listed where Nest would not connect them', () => {
    @Service({ name: 'inventory', title: 'Inventory', port: 3002 })
    @Module({ providers: [InventoryReactions] })
    class Deaf {}
    expect(() => definitionOf(Deaf)).toThrow('InventoryReactions hears nothing as a provider');
  });

  it('is refused when its reactions are those of another service', () => {
    @Service({ name: 'inventori', title: 'Inventory', port: 3002 })
    @Module({ controllers: [InventoryReactions] })
    class Misnamed {}
    expect(() => definitionOf(Misnamed)).toThrow('InventoryReactions says inventory, its module is inventori');
  });
});
