// The teas of the shop, for those who sell them.

export interface Tea {
  readonly title: string;
  /** In euros: what the catalog prints, and where the ticker begins. */
  readonly price: string;
  readonly colour: string;
}

export const TEAS: Readonly<Record<string, Tea>> = {
  sencha: { title: 'Sencha', price: '6.40', colour: '#7fae5b' },
  matcha: { title: 'Matcha', price: '14.90', colour: '#9ac53f' },
  assam: { title: 'Assam', price: '5.20', colour: '#b5562b' },
  oolong: { title: 'Oolong', price: '8.10', colour: '#d39b4a' },
  rooibos: { title: 'Rooibos', price: '4.60', colour: '#a8432f' },
  chai: { title: 'Chai', price: '5.90', colour: '#c77f3d' },
};
